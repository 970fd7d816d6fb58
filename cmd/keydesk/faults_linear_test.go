//go:build unix

package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// DUR-14: many make, verify and deactivate keys at one instance on SQLite that is killed time and again. What they were
// answered must be what a desk could have answered that does one thing after the other, and what is in the database.
func TestProveHistory(t *testing.T) {
	brief(t)
	rounds, enough := oneOf(4, 200), oneOf[int64](2_000, 1_000_000)
	c := newAlone(t, 4, 0)
	at := c.instances[0]
	l := c.begin(4, 8, oneOf(breath, 0))
	began := time.Now()
	for range rounds {
		l.untilWell()
		time.Sleep(rand.N(oneOf(100*time.Millisecond, 500*time.Millisecond)))
		at.kill()
		at.restart()
	}
	for l.operations() < enough && time.Since(began) < 8*time.Minute {
		l.untilWell()
	}
	l.end()
	l.askEverybody()
	n, took := &l.count, time.Since(began)
	checking := time.Now()
	l.mustBeOneDesk()
	t.Logf("%d operations in %s under %d kills: %d keys made, %d deactivated, %d verifies; not known: %d changes, not made: %d; "+
		"verifies without a yes or no: %d; checked in %s", l.operations(), took.Round(time.Second), rounds, n.created.Load(),
		n.deactivated.Load(), n.verified.Load(), n.unsure.Load(), n.unchanged.Load(), n.silent.Load(),
		time.Since(checking).Round(time.Millisecond))
	if l.operations() < enough {
		t.Errorf("only %d operations", l.operations())
	}
	l.compare(at.database)
}
