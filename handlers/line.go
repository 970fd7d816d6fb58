package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/keydesk/keydesk/access"
)

// Passwords are hashed a few at a time: each takes 19 MiB and a core for 30 ms, so a flood of sign-ins waits in a line
// of its own, and gateways go on asking whether keys are good (ASVS 15.2.2). One network does not fill the line.
const (
	lineLength   = 128 // who waits at most
	lineShare    = 32  // of them, from one network
	linePatience = 10 * time.Second
)

// line is where people wait for a place.
type line struct {
	places chan struct{} // one is taken by each that is not waiting any more

	mu      sync.Mutex
	length  int
	waiting map[string]int // by network; nobody waits from those that it lacks
}

func newLine(places int) *line {
	return &line{places: make(chan struct{}, places), waiting: map[string]int{}}
}

// wait returns once there is a place, which done gives back. It refuses where the line is full, or takes too long.
func (l *line) wait(ctx context.Context, network string) (done func(), err error) {
	busy := access.Refuse(access.Busy, "", "Many people are signing in at the moment. Please try again in a few seconds.")
	if !l.join(network) {
		return nil, busy
	}
	defer l.leave(network)
	patience := time.NewTimer(linePatience)
	defer patience.Stop()
	select {
	case l.places <- struct{}{}:
		return func() { <-l.places }, nil
	case <-patience.C:
		return nil, busy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *line) join(network string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.length == lineLength || l.waiting[network] == lineShare {
		return false
	}
	l.length++
	l.waiting[network]++
	return true
}

func (l *line) leave(network string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.length--
	if l.waiting[network]--; l.waiting[network] == 0 {
		delete(l.waiting, network)
	}
}
