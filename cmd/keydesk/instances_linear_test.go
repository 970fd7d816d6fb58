//go:build unix

package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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
	l := c.begin(6, 6)
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
	c.compare(l)
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
	victim(1).goOn()
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

// compare holds what was answered against what is in the database, of which the standby is the primary by now.
func (c *cluster) compare(l *load) {
	c.t.Helper()
	conn, err := pgx.Connect(context.Background(), c.standby.DSN(clusterDatabase))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	inactive := map[string]bool{}
	rows, err := conn.Query(context.Background(), `SELECT id, deactivated_at IS NOT NULL FROM keys`)
	if err != nil {
		c.t.Fatal(err)
	}
	var id string
	var ended bool
	if _, err := pgx.ForEachRow(rows, []any{&id, &ended}, func() error { inactive[id] = ended; return nil }); err != nil {
		c.t.Fatal(err)
	}
	ends := map[int]bool{} // keys whose deactivation was answered
	for _, s := range l.h.steps {
		if in, ok := s.Input.(input); ok && s.Output == changed && in.ask == toDeactivate {
			ends[in.key] = true
		}
	}
	for number, k := range l.keys {
		ended, there := inactive[k.id]
		if !there || ends[number] && !ended {
			c.t.Errorf("%s: answered, but lost: it is there: %t, inactive: %t", k.id, there, ended)
		}
		for _, i := range c.instances {
			if says := i.judge(k.secret, 5*time.Second); says != map[bool]verdict{false: good, true: deactivated}[ended] {
				c.t.Errorf("%s says of %s: %q; inactive in the database: %t", i.name, k.id, says, ended)
			}
		}
	}
	var differ int
	if err := conn.QueryRow(context.Background(), `SELECT
		abs((SELECT count(*) FROM audit WHERE action = 'create key') - (SELECT count(*) FROM keys)) +
		abs((SELECT count(*) FROM audit WHERE action = 'deactivate own key') - (SELECT count(*) FROM keys WHERE deactivated_at IS NOT NULL))
		`).Scan(&differ); err != nil {
		c.t.Fatal(err)
	}
	if differ != 0 {
		c.t.Errorf("the audit log has %d entries more or fewer than there are changes", differ)
	}
}
