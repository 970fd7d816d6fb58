//go:build unix

package main

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestProveInstanceFaults takes instances away, one way after the other, and measures what that costs who deactivates a
// key, and who asks for one.
func TestProveInstanceFaults(t *testing.T) {
	brief(t)
	c := newCluster(t, 4)
	c.start(3)
	c.signIn()
	times := oneOf(1, 5)
	c.measureHealthy(oneOf(200, 1000))
	for name, f := range map[string]func(*cluster) lossOf{
		"killed": (*cluster).loseKilled, "paused": (*cluster).losePaused, "cut off": (*cluster).loseCutOff,
		"ended by SIGTERM": (*cluster).loseEnded,
	} {
		var first, second, back []time.Duration
		for range times {
			lost := f(c)
			first, second, back = append(first, lost.first), append(second, lost.second), append(back, lost.back)
		}
		t.Logf("%s, %d times: the next deactivation was answered after %s at most, the one after it after %s; the instance "+
			"accepted none of the keys, and told again %s after it was given back at most", name, times, longest(first), longest(second), longest(back))
		for _, took := range append(first, second...) {
			if took > 20*time.Second {
				t.Errorf("%s: a deactivation took %s", name, took)
			}
		}
	}
}

func longest(times []time.Duration) time.Duration { return quantile(times, 1).Round(time.Millisecond) }

// measureHealthy deactivates so many keys at one instance, and asks the others for each as soon as it is answered.
func (c *cluster) measureHealthy(n int) {
	c.t.Helper()
	at := c.instances[0]
	var took []time.Duration
	for _, k := range at.mustCreate(n) {
		took = append(took, at.mustDeactivate(k))
		for _, i := range c.instances {
			i.mustRefuse(k)
		}
	}
	c.t.Logf("%d deactivations at one of 3 instances: p50 %s, p99 %s, the longest %s; both others refused each at once", n,
		quantile(took, 0.5).Round(time.Microsecond), quantile(took, 0.99).Round(time.Microsecond), longest(took))
}

// mustDeactivate deactivates a key, and returns how long the answer took.
func (i *instance) mustDeactivate(k provedKey) time.Duration {
	i.c.t.Helper()
	began := time.Now()
	if became := i.deactivate(k); became != changed {
		i.c.t.Fatalf("deactivate at %s: %s", i.name, became)
	}
	return time.Since(began)
}

// mustRefuse asks for a key whose deactivation was answered. Who cannot tell does not accept it either.
func (i *instance) mustRefuse(k provedKey) {
	i.c.t.Helper()
	if says := i.judge(k.secret, 5*time.Second); says != deactivated && says != none {
		i.c.t.Errorf("%s says of a deactivated key: %s", i.name, says)
	}
}

// mustAccept waits until the instance accepts a key, and returns how long that took.
func (i *instance) mustAccept(k provedKey) time.Duration {
	i.c.t.Helper()
	return until(i.c.t, i.name+" accepts a key", func() bool {
		says := i.judge(k.secret, time.Second)
		if says != good && says != none {
			i.c.t.Fatalf("%s says of a good key: %s", i.name, says)
		}
		return says == good
	})
}

// says returns what the instance says of a key. On a machine with much to do its lease may have lapsed, and then it says nothing
// for a while.
func (i *instance) says(secret string) (says verdict) {
	i.c.t.Helper()
	until(i.c.t, i.name+" tells of a key", func() bool {
		says = i.judge(secret, 5*time.Second)
		return says != none
	})
	return says
}

// lossOf is what it cost to lose an instance: how long the first deactivation after it took, and the next, and how long the
// instance took to tell again.
type lossOf struct{ first, second, back time.Duration }

// lose takes the third instance away and deactivates two keys at the first. meanwhile is called after that, with them.
func (c *cluster) lose(takeAway func(), meanwhile func(ended []provedKey), giveBack func()) (lost lossOf) {
	c.t.Helper()
	at, gone := c.instances[0], c.instances[2]
	keys := at.mustCreate(3)
	gone.mustAccept(keys[2])
	takeAway()
	lost.first = at.mustDeactivate(keys[0])
	lost.second = at.mustDeactivate(keys[1])
	meanwhile(keys[:2])
	began := time.Now()
	giveBack()
	for _, k := range keys[:2] {
		gone.mustRefuse(k)
	}
	gone.mustAccept(keys[2])
	lost.back = time.Since(began)
	for _, k := range keys[:2] {
		for _, i := range c.instances {
			i.mustRefuse(k)
		}
	}
	return lost
}

func (c *cluster) loseKilled() lossOf {
	gone := c.instances[2]
	return c.lose(gone.kill, func([]provedKey) {}, func() { gone.restart() })
}

// loseEnded has an instance end by itself, while it is told of changes: it gives its lease back, and nobody waits for it.
func (c *cluster) loseEnded() lossOf {
	c.t.Helper()
	gone := c.instances[2]
	return c.lose(func() {
		ctx, stop := context.WithCancel(c.t.Context())
		defer stop()
		var writing sync.WaitGroup
		for _, person := range c.people {
			writing.Go(func() {
				for ctx.Err() == nil {
					c.instances[1].create(person)
				}
			})
		}
		gone.terminate()
		stop()
		writing.Wait()
		if n := c.ask(`SELECT count(*) FROM leases`); n != 2 {
			c.t.Errorf("%d leases of 2 instances", n)
		}
	}, func([]provedKey) {}, func() { gone.restart() })
}

// loseCutOff cuts an instance off from the database. It is asked for the keys all the time.
func (c *cluster) loseCutOff() lossOf {
	gone := c.instances[2]
	return c.lose(gone.link.cut, func(ended []provedKey) {
		for range 5 {
			gone.mustRefuse(ended[0])
		}
	}, gone.link.mend)
}

// losePaused pauses an instance. What it is asked meanwhile it reads when it goes on.
func (c *cluster) losePaused() lossOf {
	c.t.Helper()
	gone := c.instances[2]
	paused := time.Now()
	var waiting sync.WaitGroup
	return c.lose(gone.pause, func(ended []provedKey) {
		for n := range 40 {
			waiting.Go(func() {
				got := ask(http.MethodGet, "http://"+gone.verify+"/api/v1/verify",
					http.Header{"X-Api-Key": {ended[n%2].secret}}, time.Minute)
				if says := verdictOf(got); says != deactivated && says != none {
					c.t.Errorf("asked while it was paused: %s", says)
				}
			})
		}
		if left := oneOf(4*time.Second, 10*time.Second) - time.Since(paused); left > 0 {
			time.Sleep(left) // so long it stands still in all
		}
	}, func() {
		gone.resume()
		waiting.Wait()
	})
}
