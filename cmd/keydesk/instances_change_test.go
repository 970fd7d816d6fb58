//go:build unix

package main

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestProvePausedChange pauses an instance in the middle of a change, while it holds what every change needs. PostgreSQL ends
// the change then, and the others go on.
func TestProvePausedChange(t *testing.T) {
	brief(t)
	c := newCluster(t, 4)
	c.start(3)
	c.signIn()
	var waits []time.Duration
	for range oneOf(1, 10) {
		waits = append(waits, c.pauseInChange())
	}
	t.Logf("an instance paused in the middle of a change, %d times: the next change, at another one, was answered after %s at most",
		len(waits), longest(waits))
	if longest(waits) > 30*time.Second {
		t.Error("that is too long")
	}
}

// free counts the row that every change holds, unless somebody holds it.
const free = `SELECT count(*) FROM (SELECT 1 FROM audit_head FOR UPDATE SKIP LOCKED) head`

// pauseInChange returns how long a change took after the pause.
func (c *cluster) pauseInChange() time.Duration {
	c.t.Helper()
	at, paused := c.instances[0], c.instances[2]
	key := at.mustCreate(1)[0]
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	var writing sync.WaitGroup
	for _, person := range c.people {
		writing.Go(func() {
			for ctx.Err() == nil {
				paused.create(person)
			}
		})
	}
	// It does not always stop where it holds the lock.
	until(c.t, "it is paused in the middle of a change", func() bool {
		paused.pause()
		for range 2 { // what it sent last may be at work the first time
			if c.ask(free) > 0 {
				paused.resume()
				return false
			}
		}
		return true
	})
	took := at.mustDeactivate(key)
	stop()
	paused.resume()
	writing.Wait()
	paused.mustRefuse(key)
	until(c.t, "a key is made where the change was paused", func() bool { _, became := paused.create(c.people[0]); return became == changed })
	return took
}
