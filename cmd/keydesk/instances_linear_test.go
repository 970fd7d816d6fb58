//go:build unix

package main

import (
	"slices"
	"testing"
	"time"
)

// TestProveLinearizable has many make, verify and deactivate keys at all instances while one fault follows the other. What
// they were answered must be what one desk could have answered, and what is in the database.
func TestProveLinearizable(t *testing.T) {
	brief(t)
	rounds, enough, paused := oneOf(1, 10), oneOf[int64](1_000, 100_000), oneOf(4*time.Second, 10*time.Second)
	c := newCluster(t, 6)
	c.addStandby()
	c.start(3)
	c.signIn()
	l := c.begin(6, 6, breath)
	began := time.Now()
	for round := range rounds {
		c.strike(round, paused, l)
	}
	for l.operations() < enough && time.Since(began) < 8*time.Minute {
		l.untilWell()
	}
	c.failOver(l)
	l.end()
	l.askEverybody()
	n := &l.count
	verify, change := l.waits.longest()
	t.Logf("%d operations at 3 instances in %s: %d keys made, %d deactivated, %d verifies; PostgreSQL, an instance killed, one paused "+
		"%s, one cut off 5 s: %d times each, then the standby promoted; not known: %d changes, not made: %d; verifies without a "+
		"yes or no: %d; the longest wait of a change %s, of verify at one instance %s",
		l.operations(), time.Since(began).Round(time.Second), n.created.Load(), n.deactivated.Load(), n.verified.Load(), paused, rounds,
		n.unsure.Load(), n.unchanged.Load(), n.silent.Load(), change.Round(time.Millisecond), verify.Round(time.Millisecond))
	if l.operations() < enough {
		t.Errorf("only %d operations", l.operations())
	}
	l.mustBeOneDesk()
	l.compare(c.standby.DSN(clusterDatabase)) // which is the primary by now
}

// strike makes every fault but the last, one after the other.
func (c *cluster) strike(round int, paused time.Duration, l *load) {
	c.t.Helper()
	victim := func(n int) *instance { return c.instances[(round+n)%len(c.instances)] }
	l.untilWell()
	c.primary.Kill()
	if round%2 == 1 {
		time.Sleep(4 * time.Second) // until no lease holds
	}
	c.primary.Restart()
	l.untilWell()

	victim(0).kill()
	victim(0).restart()
	l.untilWell()

	victim(1).pause()
	time.Sleep(paused)
	victim(1).resume()
	l.untilWell()

	victim(2).link.cut()
	time.Sleep(5 * time.Second)
	victim(2).link.mend()
	l.untilWell()
}

// failOver has the standby take the primary's place.
func (c *cluster) failOver(l *load) {
	c.t.Helper()
	c.primary.Kill()
	c.standby.Promote()
	l.untilWell()
}

// untilWell lets the instances work until each has told of a key again, and changes succeed.
func (l *load) untilWell() {
	l.c.t.Helper()
	before := l.count.created.Load()
	until(l.c.t, "all are back", func() bool {
		return l.count.created.Load() > before+20 && !slices.ContainsFunc(l.c.instances, l.waits.mute)
	})
}

// askEverybody asks every instance for every key, once all is well.
func (l *load) askEverybody() {
	for number := range l.keys {
		for _, i := range l.c.instances {
			l.verify(i, number)
		}
	}
}

// mustBeOneDesk holds all answers against what one desk could have answered.
func (l *load) mustBeOneDesk() {
	l.c.t.Helper()
	for _, wrong := range l.h.wrongKeys() {
		l.c.t.Errorf("the answers on a key are not those of one desk:%s", tellSteps(wrong))
	}
}
