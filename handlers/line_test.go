package handlers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// AUTH-10: passwords are hashed in a few places, the line before them is bounded, and who gives up leaves it.
func TestLineBeforeThePasswordsIsBounded(t *testing.T) {
	fill(t, lineLength, func(i int) string { return fmt.Sprint("192.0.2.", i) })
}

// AUTH-6, AUTH-10: one network does not fill the line, so others get in while it tries.
func TestOneNetworkHasAShareOfTheLine(t *testing.T) {
	l := fill(t, lineShare, func(int) string { return "192.0.2.1" })
	if len(l.waiting) != 0 {
		t.Errorf("%v are remembered", l.waiting)
	}
	for i := range lineShare {
		if !l.join("192.0.2.1") {
			t.Fatalf("%d of a network wait", i)
		}
	}
	if l.join("192.0.2.1") || !l.join("192.0.2.2") {
		t.Error("the share is that of all networks, or of none")
	}
}

// fill has three times as many wait as there are places, and fails the test unless places get in, until they give up.
func fill(t *testing.T, places int, network func(int) string) *line {
	t.Helper()
	l := newLine(1)
	done, err := l.wait(t.Context(), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	waiting, giveUp := context.WithCancel(t.Context())
	results := make(chan error, 3*places)
	var all sync.WaitGroup
	for i := range 3 * places {
		all.Go(func() {
			_, err := l.wait(waiting, network(i))
			results <- err
		})
	}
	for range 2 * places { // all but those in the line are turned away at once
		if err := <-results; access.Refused(err, access.Busy) == nil {
			t.Fatalf("turned away with %v", err)
		}
	}
	giveUp()
	all.Wait()
	for range places {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Fatalf("gave up with %v", err)
		}
	}
	done()
	if done, err = l.wait(t.Context(), "elsewhere"); err != nil || l.length != 0 {
		t.Fatalf("%d still wait, %v", l.length, err)
	}
	done()
	return l
}
