//go:build unix

package main

import (
	"net/http"
	"testing"
	"time"
)

// TestProveDatabaseOutage kills PostgreSQL and starts it again, while all instances are asked for a key all the time. None
// of them is started again.
func TestProveDatabaseOutage(t *testing.T) {
	brief(t)
	c := newCluster(t, 1)
	c.start(3)
	c.signIn()
	key := c.instances[0].mustCreate(1)[0]
	for _, away := range oneOf([]time.Duration{0, 4 * time.Second}, []time.Duration{0, 0, 0, 4 * time.Second, 10 * time.Second, 30 * time.Second}) {
		c.interrupt(key, away)
	}
	for _, i := range c.instances {
		if i.gone() {
			t.Errorf("%s has ended: %s", i.name, i.said)
		}
	}
}

// interrupt takes PostgreSQL away for so long, and measures for how long what is missed.
func (c *cluster) interrupt(key provedKey, away time.Duration) {
	c.t.Helper()
	w := c.watch(key)
	killed := time.Now()
	c.primary.Kill()
	if away > 0 {
		until(c.t, "no instance tells any more", func() bool { return w.tells() == 0 })
		c.mustTurnPagesAway()
		until(c.t, "the time is over", func() bool { return time.Since(killed) >= away })
	}
	c.primary.Restart()
	back := time.Now()
	until(c.t, "all instances tell", func() bool { return w.tells() == len(c.instances) })
	verify := time.Since(back)
	until(c.t, "a key is made", func() bool { _, became := c.instances[1].create(key.owner); return became == changed })
	change := time.Since(back)
	for _, i := range c.instances {
		until(c.t, "pages are back", func() bool { return i.page().status == http.StatusOK })
	}
	pages := time.Since(back)
	w.end()
	c.t.Logf("PostgreSQL killed, and taking connections again after %s: verify told %s; %d answers that "+
		"were no yes, at one instance for %s at most; once PostgreSQL took connections, all told after %s, a key was made after "+
		"%s, all pages were back after %s", back.Sub(killed).Round(time.Millisecond), w.held(killed), w.silent.Load(), w.longest(),
		verify.Round(time.Millisecond), change.Round(time.Millisecond), pages.Round(time.Millisecond))
	if verify > 30*time.Second || pages > 30*time.Second {
		c.t.Error("that is too long")
	}
}

// mustTurnPagesAway asks every instance for a page while the database is away.
func (c *cluster) mustTurnPagesAway() {
	c.t.Helper()
	for _, i := range c.instances {
		if got := i.page(); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
			c.t.Errorf("%s answers a page without a database with %d, %v, Retry-After: %q", i.name, got.status, got.err,
				got.header.Get("Retry-After"))
		}
		if got := i.get("/healthz", changeTime); got.status != http.StatusOK {
			c.t.Errorf("%s, which lives, says %d", i.name, got.status)
		}
		if got := i.get("/readyz", changeTime); got.status != http.StatusServiceUnavailable {
			c.t.Errorf("%s is ready without a database: %d", i.name, got.status)
		}
	}
}
