//go:build unix

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestProveFailover kills the primary while many write, and promotes its synchronous standby. What was answered is there, and
// the instances find the new primary by themselves.
func TestProveFailover(t *testing.T) {
	brief(t)
	for name, silent := range map[string]bool{"its machine refuses connections": false, "its machine says nothing any more": true} {
		t.Run(name, func(t *testing.T) {
			for range oneOf(1, 5) {
				failOver(t, silent)
			}
		})
	}
}

// failOver does it once. A silent primary is reached over a relay, which is cut, so that nobody is told that it is gone.
func failOver(t *testing.T, silent bool) {
	t.Helper()
	c := newCluster(t, 4)
	c.addStandby()
	servers := c.servers("127.0.0.1")
	machine := newRelay(t, servers[0])
	servers[0] = machine.address()
	c.startOn(3, strings.Join(servers, ","))
	c.signIn()
	key := c.instances[0].mustCreate(1)[0]
	l := c.begin(4, 2, breath)
	until(t, "there is something to lose", func() bool { return l.count.deactivated.Load() > 50 })
	w := c.watch(key)
	killed := time.Now()
	if silent {
		machine.cut()
	} else {
		_ = machine.listener.Close()
	}
	c.primary.Kill()
	c.standby.Promote()
	promoted := time.Now()
	before := c.leases(c.standby)
	until(t, "all instances follow the new primary", func() bool {
		followed := 0
		for id, renewals := range c.leases(c.standby) {
			if was, known := before[id]; !known || renewals > was+2 {
				followed++
			}
		}
		return followed == len(c.instances)
	})
	until(t, "all instances tell", func() bool { return w.tells() == len(c.instances) })
	verify := time.Since(promoted)
	created := l.count.created.Load()
	until(t, "keys are made", func() bool { return l.count.created.Load() > created+20 })
	for _, i := range c.instances {
		until(t, "pages are back", func() bool { return i.page().status == http.StatusOK })
	}
	pages := time.Since(promoted)
	w.end()
	l.end()
	_, change := l.waits.longest()
	t.Logf("the primary killed among %d keys made and %d deactivated, its standby promoted %s later: verify told %s; "+
		"%d answers that were no yes, at one instance for %s at most; all followed the new primary %s after the promotion, pages and "+
		"changes were back after %s; the longest wait of a change that was answered %s; not known: %d", l.count.created.Load(),
		l.count.deactivated.Load(), promoted.Sub(killed).Round(time.Millisecond), w.held(killed), w.silent.Load(), w.longest(),
		verify.Round(time.Millisecond), pages.Round(time.Millisecond), change.Round(time.Millisecond), l.count.unsure.Load())
	l.askEverybody()
	l.mustBeOneDesk()
	l.compare(c.standby.DSN(clusterDatabase))
}
