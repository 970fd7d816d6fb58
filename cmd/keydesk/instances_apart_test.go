//go:build unix

package main

import (
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/provetest"
)

// TestProveFormerPrimary promotes the standby while the primary lives on, with an instance that can reach no other. It must not
// accept what is deactivated at the new one: a primary without its standby can be read as ever.
func TestProveFormerPrimary(t *testing.T) {
	brief(t)
	c := newCluster(t, 1)
	c.addStandby()
	servers := c.servers("127.0.0.1")
	way := newRelay(t, servers[0])
	c.add(&relays{t: t}, way.address()+","+servers[1])
	c.add(&relays{t: t}, servers[0])
	c.launchAll()
	c.signIn()
	with, apart := c.instances[0], c.instances[1]
	keys := with.mustCreate(2)
	apart.mustAccept(keys[0])
	way.cut()
	c.standby.Promote()
	began := time.Now()
	until(t, "a key is deactivated at the new primary", func() bool { return with.deactivate(keys[0]) == changed })
	answered := time.Now()
	asked := 0
	for ; time.Since(answered) < oneOf(3*time.Second, 30*time.Second); asked++ {
		apart.mustRefuse(keys[0])
	}
	lasted := time.Since(answered).Round(time.Second)
	if provetest.Asked() && apart.deactivate(keys[1]) == changed {
		t.Error("a change was answered that only the former primary has")
	}
	t.Logf("the standby promoted while the primary lived on with one of 2 instances: a deactivation was answered by the other after %s; "+
		"from then on the one at the former primary was asked %d times in %s, and never accepted the key", answered.Sub(began).Round(time.Millisecond),
		asked, lasted)
}
