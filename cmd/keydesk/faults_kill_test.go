//go:build unix

package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// DUR-1: every change that was answered survives a kill -9 at any instant, and one that was not answered is whole or
// absent: its row and its entry in the audit log are there together.
func TestProveKills(t *testing.T) {
	brief(t)
	rounds, enough := oneOf(12, 1_000), oneOf(300, 50_000)
	c := newCrowd(newAlone(t, crowdUsers, crowdAdmins))
	began := time.Now()
	kills := 0
	for ; kills < rounds || c.shownLittle(enough); kills++ {
		c.work(aWhile())
		c.at.restart()
		c.judge(c.at, c.settle())
	}
	c.end()
	t.Logf("%d kills in %s: %d changes answered: %v; %d not answered, of which %d had happened; %d keys verified in the end",
		kills, time.Since(began).Round(time.Second), c.changes(), c.answered, c.unanswered, c.happened, len(c.secrets))
}

// DUR-5: the same when the start after a kill is killed too.
func TestProveDoubleCrashes(t *testing.T) {
	brief(t)
	rounds, enough := oneOf(4, 200), oneOf(50, 5_000)
	c := newCrowd(newAlone(t, crowdUsers, crowdAdmins))
	start := 100 * time.Millisecond
	times, ready := 0, 0
	for ; times < rounds || c.shownLittle(enough); times++ {
		c.work(aWhile())
		c.at.launch()
		time.Sleep(rand.N(start))
		if c.at.get("/readyz", time.Millisecond).status != 0 {
			ready++
		}
		c.at.kill()
		start = max(start, c.at.restart())
		c.judge(c.at, c.settle())
	}
	c.end()
	t.Logf("%d times killed, and killed again 0 to %s after the start, %d times once it answered: %d changes answered, %d not, of "+
		"which %d had happened", times, start.Round(time.Millisecond), ready, c.changes(), c.unanswered, c.happened)
}

// aWhile is a time after which people are at anything.
func aWhile() time.Duration { return time.Duration(20+rand.IntN(250)) * time.Millisecond }

// end looks at everything once more, and ends the instance as a service manager does.
func (c *crowd) end() {
	c.t.Helper()
	c.settleAll()
	c.judge(c.at, slices.Collect(maps.Keys(c.secrets)))
	c.at.terminate()
}
