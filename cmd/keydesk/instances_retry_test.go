//go:build unix

package main

import (
	"testing"
	"time"
)

// TestProveRetriedChange deactivates keys, again and again, while the standby that every change waits for is away, and then has
// the standby take the primary's place. What was answered as done must be there: that it was done at the primary is not enough.
func TestProveRetriedChange(t *testing.T) {
	brief(t)
	c := newCluster(t, 4)
	c.addStandby()
	c.startOn(2, c.servers("127.0.0.1")[0]+","+c.servers("127.0.0.1")[1])
	c.signIn()
	at := c.instances[0]
	keys := at.mustCreate(4)
	c.standby.Kill()
	answers := map[outcome]int{}
	done := map[provedKey]bool{}
	began := time.Now()
	for n := range oneOf(2, 8) { // the first is not known to be done; who is not told so tries again
		k := keys[n/2%len(keys)]
		became := at.deactivate(k)
		answers[became]++
		done[k] = done[k] || became == changed
	}
	waited := time.Since(began)
	c.primary.Kill()
	c.standby.Restart()
	c.standby.Promote()
	until(t, "changes succeed again", func() bool { _, became := at.create(c.people[0]); return became == changed })
	for k := range done {
		if done[k] && c.askServer(c.standby, `SELECT count(*) FROM keys WHERE id = '`+k.id+`' AND deactivated_at IS NOT NULL`) == 0 {
			t.Errorf("%s: the deactivation was answered, and is lost", k.id)
		}
		if became := at.deactivate(k); became != changed {
			t.Errorf("%s: now it is %s", k.id, became)
		}
		for _, i := range c.instances {
			i.mustRefuse(k)
		}
	}
	t.Logf("the synchronous standby away: of %d deactivations that were tried in %s, %d were answered as done, %d as not known, %d as not "+
		"made; then the primary killed and the standby promoted: none that was answered is lost", answers[changed]+answers[unsure]+
		answers[unchanged], waited.Round(time.Second), answers[changed], answers[unsure], answers[unchanged])
}
