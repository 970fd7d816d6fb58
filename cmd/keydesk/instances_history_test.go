//go:build unix

package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// history is what was asked of the instances and what they answered, with when.
type history struct {
	began time.Time // the times are since then, by a clock that nobody sets
	mu    sync.Mutex
	steps []porcupine.Operation
}

// input is what was asked of a key, which has a number in the history.
type input struct {
	key int
	ask string
}

// What is asked.
const (
	toCreate     = "create"
	toVerify     = "verify"
	toDeactivate = "deactivate"
)

func newHistory() *history { return &history{began: time.Now()} }

func (h *history) now() int64 { return int64(time.Since(h.began)) }

// note notes an answer that has just been read. What is unsure may happen at any time after it was asked.
func (h *history) note(key int, ask string, asked int64, answer any) {
	ended := h.now()
	if answer == unsure {
		ended = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.steps = append(h.steps, porcupine.Operation{Input: input{key, ask}, Call: asked, Output: answer, Return: ended})
}

// oneDesk is what all instances together have to look like: one desk that does one thing after the other. The state of a
// key is what verify says of it.
var oneDesk = porcupine.Model{
	Init: func() any { return unknown },
	Step: func(state, asked, answer any) (bool, any) {
		in, _ := asked.(input)
		switch {
		case in.ask == toVerify:
			return state == answer, state
		case in.ask == toCreate:
			return state == unknown, good
		case state == good:
			return true, deactivated
		}
		return state == deactivated || answer == unsure, state // a second time it changes nothing
	},
}

// checkTime is how long it may take to find an order.
const checkTime = 5 * time.Minute

// wrongKeys returns the steps of each key whose answers are not those that one desk could have given.
func (h *history) wrongKeys() (wrong [][]porcupine.Operation) {
	of := map[int][]porcupine.Operation{}
	for _, s := range h.steps {
		if in, ok := s.Input.(input); ok {
			of[in.key] = append(of[in.key], s)
		}
	}
	for _, steps := range of {
		if porcupine.CheckOperationsTimeout(oneDesk, steps, checkTime) != porcupine.Ok {
			wrong = append(wrong, steps)
		}
	}
	return wrong
}

// tellSteps returns the steps in the order in which they were asked, a line each; verifies that say the same as the one before
// are left out.
func tellSteps(steps []porcupine.Operation) string {
	slices.SortFunc(steps, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var text strings.Builder
	var before any
	for _, s := range steps {
		in, _ := s.Input.(input)
		if in.ask == toVerify && s.Output == before {
			continue
		}
		before = s.Output
		fmt.Fprintf(&text, "\n%s: %s; asked at %s, answered at %s", in.ask, s.Output, time.Duration(s.Call), time.Duration(s.Return))
	}
	return text.String()
}
