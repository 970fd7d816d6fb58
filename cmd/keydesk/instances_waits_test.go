//go:build unix

package main

import (
	"slices"
	"sync"
	"time"
)

// waits is for how long who asked went without an answer.
type waits struct {
	mu      sync.Mutex
	changes []time.Duration // until each change was answered
	without map[*instance]*without
}

// without is since when an instance has not told of any key, and the longest that it ever was so.
type without struct {
	since   time.Time // zero while it does
	last    time.Time // that it did not
	longest time.Duration
	times   int // that it was so
}

func newWaits(instances []*instance) *waits {
	w := &waits{without: map[*instance]*without{}}
	for _, i := range instances {
		w.without[i] = &without{}
	}
	return w
}

func (w *waits) change(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changes = append(w.changes, took)
}

// verify notes whether the instance told.
func (w *waits) verify(i *instance, told bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.without[i]
	switch {
	case !told:
		now := time.Now()
		if s.since.IsZero() {
			s.since = now
			if now.Sub(s.last) > patience { // those who ask at once do not take turns
				s.times++
			}
		}
		s.last = now
	case !s.since.IsZero():
		s.longest, s.since = max(s.longest, time.Since(s.since)), time.Time{}
	}
}

// silent tells whether the instance has just not told.
func (w *waits) silent(i *instance) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.without[i]
	return !s.since.IsZero() && time.Since(s.last) < patience/2
}

// mute tells whether the instance did not tell when it was asked last.
func (w *waits) mute(i *instance) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.without[i].since.IsZero()
}

// silences returns how often an instance ceased to tell.
func (w *waits) silences() (times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.without {
		times += s.times
	}
	return times
}

// longest returns the longest that any instance did not tell, and that a change waited for its answer.
func (w *waits) longest() (verify, change time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.without {
		verify = max(verify, s.longest)
	}
	if len(w.changes) > 0 {
		change = slices.Max(w.changes)
	}
	return verify, change
}
