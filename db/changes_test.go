package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// numbersOf returns the numbers of the changes that the filter leaves, over all pages.
func (d *desk) numbersOf(f access.ChangeFilter) (numbers []int64) {
	d.t.Helper()
	for before := int64(0); ; {
		changes, more, err := d.Changes(d.t.Context(), d.root, f, before)
		d.must(err)
		for _, c := range changes {
			numbers = append(numbers, c.Number)
		}
		if !more {
			return numbers
		}
		before = numbers[len(numbers)-1]
	}
}

// Whatever is asked for, on however many pages, is what looking at each entry finds, also when the clock was set back.
func TestFilteredChangesAreThoseThatFit(t *testing.T) {
	d := newDesk(t)
	began := d.Now()
	for i := range 180 {
		id, _ := d.makeKey([]access.Actor{d.alice, d.bob}[i%2])
		if i%3 == 0 {
			_, err := d.DeactivateKey(t.Context(), d.root, id.ID, "x")
			d.must(err)
		}
		d.advance(time.Hour)
		if i == 100 {
			d.advance(-50 * time.Hour)
		}
	}
	var all []access.Change
	for _, n := range d.numbersOf(access.ChangeFilter{}) {
		changes, _, err := d.Changes(t.Context(), d.root, access.ChangeFilter{}, n+1)
		d.must(err)
		all = append(all, changes[0])
	}
	if len(all) != 3+180+60 {
		t.Fatalf("%d entries", len(all))
	}
	for _, person := range []string{"", "alice", "root", access.Operator, "nobody"} {
		for _, action := range []access.Action{"", access.CreateKey, access.DeactivateKey, access.Restore} {
			for _, hours := range [][2]int{{}, {60, 110}, {100, 0}, {0, 70}, {999, 0}, {60, 61}} {
				f := access.ChangeFilter{Person: person, Action: action}
				if hours[0] > 0 {
					f.From = began.Add(time.Duration(hours[0]) * time.Hour)
				}
				if hours[1] > 0 {
					f.Until = began.Add(time.Duration(hours[1]) * time.Hour)
				}
				var want []int64
				for _, c := range all {
					if (person == "" || c.Actor == person || c.UserID == person) && (action == "" || c.Action == action) &&
						!c.At.Before(f.From) && (f.Until.IsZero() || c.At.Before(f.Until)) {
						want = append(want, c.Number)
					}
				}
				if got := d.numbersOf(f); !slices.Equal(got, want) {
					t.Errorf("%+v: %v, want %v", f, got, want)
				}
			}
		}
	}
}
