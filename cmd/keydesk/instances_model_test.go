//go:build unix

package main

import (
	"math"
	"testing"
)

// Whoever proves by a history has to show that a wrong one is found.
func TestWrongHistoriesAreFound(t *testing.T) {
	type step struct {
		ask         string
		asked, told int64
		answer      any
	}
	for name, of := range map[string]struct {
		steps []step
		right bool
	}{
		"accepted until it is deactivated": {[]step{
			{toVerify, 3, 4, good}, {toDeactivate, 5, 6, changed}, {toVerify, 7, 8, deactivated},
		}, true},
		"accepted after the answer to the deactivation": {[]step{{toDeactivate, 5, 6, changed}, {toVerify, 7, 8, good}}, false},
		"accepted later after the answer": {[]step{
			{toDeactivate, 5, 6, changed}, {toVerify, 7, 8, deactivated}, {toVerify, 9, 10, good},
		}, false},
		"accepted, then refused, while it is deactivated": {[]step{
			{toDeactivate, 3, 10, changed}, {toVerify, 4, 5, good}, {toVerify, 6, 7, deactivated},
		}, true},
		"refused, then accepted, while it is deactivated": {[]step{
			{toDeactivate, 3, 10, changed}, {toVerify, 4, 5, deactivated}, {toVerify, 6, 7, good},
		}, false},
		"lost":                               {[]step{{toVerify, 3, 4, unknown}}, false},
		"unknown while it is deactivated":    {[]step{{toDeactivate, 3, 10, changed}, {toVerify, 4, 5, unknown}}, false},
		"refused, though nobody deactivated": {[]step{{toVerify, 3, 4, deactivated}}, false},
		"refused before it is deactivated":   {[]step{{toVerify, 3, 4, deactivated}, {toDeactivate, 5, 6, changed}}, false},
		"unsure, and never happened":         {[]step{{toDeactivate, 3, 0, unsure}, {toVerify, 7, 8, good}}, true},
		"unsure, and happened later": {[]step{
			{toDeactivate, 3, 0, unsure}, {toVerify, 7, 8, good}, {toVerify, 9, 10, deactivated},
		}, true},
		"unsure, and taken back": {[]step{
			{toDeactivate, 3, 0, unsure}, {toVerify, 7, 8, deactivated}, {toVerify, 9, 10, good},
		}, false},
		"unsure, then sure, and accepted": {[]step{
			{toDeactivate, 3, 0, unsure}, {toDeactivate, 5, 6, changed}, {toVerify, 7, 8, good},
		}, false},
		"deactivated twice": {[]step{{toDeactivate, 3, 4, changed}, {toDeactivate, 5, 6, changed}}, true},
	} {
		h := newHistory()
		for _, s := range append([]step{{toCreate, 1, 2, changed}}, of.steps...) {
			h.note(1, s.ask, s.asked, s.answer)
			if last := &h.steps[len(h.steps)-1]; last.Return != math.MaxInt64 {
				last.Return = s.told
			}
		}
		if got := len(h.wrongKeys()) == 0; got != of.right {
			t.Errorf("%s: right: %t", name, got)
		}
	}
}
