package db_test

import (
	"errors"
	"flag"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/provetest"
)

// AZ-1, AZ-4, AZ-5, AZ-6, AZ-9, AZ-10, AZ-11: whatever users, administrators and others try, some of it at once and with
// roles and sessions of before, each is answered as the model has it, and no duty is ever in the wrong hands.
func TestProveDuties(t *testing.T) {
	if provetest.Asked() {
		tryDuties(t, 100, 1000)
		return
	}
	tryDuties(t, 1, 400)
}

// tryDuties makes so many attempts at each of so many desks, on both databases.
func tryDuties(t *testing.T, desks, tries int) {
	t.Helper()
	for name, value := range map[string]string{"rapid.checks": "1", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for name, newDesk := range map[string]func(*testing.T) *desk{"SQLite": newSQLiteDesk, "PostgreSQL": newPostgresDesk} {
		t.Run(name, func(t *testing.T) {
			var total tally
			for i := range desks {
				t.Run(strconv.Itoa(i), func(t *testing.T) {
					rapid.Check(t, func(rt *rapid.T) {
						c := newCourt(t, newDesk(t))
						defer c.d.close()
						all := rapid.SliceOfN(rapid.Custom(drawTry), tries, tries).Draw(rt, "tries")
						for len(all) > 0 {
							n := 1
							for n < len(all) && n < 4 && all[n-1].Together {
								n++
							}
							c.take(rt, all[:n])
							all = all[n:]
						}
						total = total.plus(c.tally)
					})
				})
			}
			t.Logf("%d attempts, %d of them at once with others; %d granted, %d refused; %d keys were made, %d roles changed",
				total.tries, total.together, total.granted, total.tries-total.granted, total.keys, total.roles)
			if total.keys == 0 || total.roles == 0 || total.together == 0 || total.granted == total.tries {
				t.Error("which is too little to show anything")
			}
		})
	}
}

// tally counts what was tried.
type tally struct{ tries, together, granted, keys, roles int }

func (a tally) plus(b tally) tally {
	return tally{a.tries + b.tries, a.together + b.together, a.granted + b.granted, a.keys + b.keys, a.roles + b.roles}
}

// drawTry draws an attempt: often one that is to succeed.
func drawTry(t *rapid.T) try {
	names := []string{"root", "carol", "alice", "bob", "dave", "erin", "frank", "nobody"}
	return try{
		Kind: rapid.SampledFrom(kindNames()).Draw(t, "kind"),
		By:   rapid.SampledFrom(append(names[:7:7], access.Operator, access.Operator, access.Operator)).Draw(t, "by"),
		Whom: rapid.SampledFrom(append(names[:8:8], "root", "carol", "root", "carol")).Draw(t, "whom"),
		Role: rapid.SampledFrom([]access.Role{access.User, access.Admin}).Draw(t, "role"),

		Fits: rapid.IntRange(0, 9).Draw(t, "fits") < 6, Claims: rapid.SampledFrom([]access.Role{access.User, access.Admin, ""}).Draw(t, "claims"),
		Key: rapid.IntRange(0, 1000).Draw(t, "key"), Link: rapid.IntRange(0, 20).Draw(t, "link"), Session: rapid.IntRange(0, 20).Draw(t, "session"),
		Together: rapid.IntRange(0, 9).Draw(t, "together") > 6, Day: rapid.IntRange(0, 99).Draw(t, "day") == 99,
	}
}

// court watches over a desk.
type court struct {
	tally
	t     *testing.T
	d     *desk
	conn  dbtest.Outside
	m     *duties
	past  map[string][]string // the ids of all sessions that a person ever had
	words int                 // that were new
	read  int64               // of the audit log, up to this number
}

func newCourt(t *testing.T, d *desk) *court {
	t.Helper()
	d.addAdmin("carol")
	c := &court{t: t, d: d, conn: dbtest.Open(t, d.path), past: map[string][]string{}}
	c.m = c.look()
	return c
}

// look reads what the database holds.
func (c *court) look() *duties {
	c.t.Helper()
	m, err := readDuties(c.conn, c.d.Now())
	c.d.must(err)
	for _, s := range m.sessions {
		if !slices.Contains(c.past[s.user], s.id) {
			c.past[s.user] = append(c.past[s.user], s.id)
		}
	}
	return m
}

// take has the attempts made, and looks at what became of them.
func (c *court) take(rt *rapid.T, tries []try) {
	c.t.Helper()
	c.d.advance(time.Second)
	if tries[0].Day {
		c.d.advance(24 * time.Hour)
	}
	all := make([]meant, len(tries))
	for i, tried := range tries {
		all[i] = c.choose(tried)
	}
	if len(all) == 1 {
		want, err := c.m.outcome(all[0]), c.try(all[0])
		if codeOf(err) != want || want == granted && err != nil {
			rt.Fatalf("%+v: %v, want a refusal of code %d", all[0], err, want)
		}
		is := c.look()
		if got, want := is.String(), c.m.String(); got != want {
			rt.Fatalf("%+v: the database holds\n%s\nand should hold\n%s", all[0], got, want)
		}
		c.m = is
		c.count(err)
	} else {
		for i, err := range c.tryAtOnce(all) {
			if err != nil && codeOf(err) == granted {
				rt.Fatalf("%+v: %v", all[i], err)
			}
			c.count(err)
		}
		c.m, c.together = c.look(), c.together+len(all)
	}
	c.judge(rt)
}

func (c *court) count(err error) {
	c.tries++
	if err == nil {
		c.granted++
	}
}

// tryAtOnce has all of them start at the same time.
func (c *court) tryAtOnce(all []meant) []error {
	start, errs := make(chan struct{}), make([]error, len(all))
	var racing sync.WaitGroup
	for i, o := range all {
		racing.Go(func() { <-start; errs[i] = c.try(o) })
	}
	close(start)
	racing.Wait()
	return errs
}

// codeOf returns the code of a refusal, and granted for everything else.
func codeOf(err error) access.Code {
	if refusal, ok := errors.AsType[*access.Error](err); ok {
		return refusal.Code
	}
	return granted
}

// forbidden is what must never be found, each with what counts it. Of the audit log it sees what is new.
var forbidden = []struct{ what, count string }{
	{"administrators own active keys", `FROM keys k JOIN users u ON u.id = k.user_id WHERE k.deactivated_at IS NULL AND u.role = 'admin'`},
	{"disabled people own active keys", `FROM keys k JOIN users u ON u.id = k.user_id
		WHERE k.deactivated_at IS NULL AND u.disabled_at IS NOT NULL`},
	{"times there is no administrator who can sign in", `FROM audit_head WHERE NOT EXISTS (SELECT 1 FROM users
		WHERE role = 'admin' AND disabled_at IS NULL AND password_hash <> '')`},
	{"keys were made by another than their owner", `FROM new LEFT JOIN keys k ON k.id = new.key_id
		WHERE action = 'create key' AND (new.actor <> new.user_id OR k.user_id IS NULL OR k.user_id <> new.actor)`},
	{"people changed their own role, disabled or reset themselves", `FROM new
		WHERE action IN ('change role', 'disable user', 'issue password link') AND actor = user_id`},
	{"passwords were set by another", `FROM new WHERE action IN ('set password', 'change password') AND actor <> user_id`},
}

// judge holds the rules against the database, and counts what there is.
func (c *court) judge(rt *rapid.T) {
	c.t.Helper()
	query, found := `WITH new AS (SELECT * FROM audit WHERE number > ?) SELECT (SELECT number FROM audit_head),
		(SELECT count(*) FROM keys), (SELECT count(*) FROM new WHERE action = 'create key'),
		(SELECT count(*) FROM new WHERE action = 'change role')`, make([]int, len(forbidden))
	var keys, made, roles int
	into := []any{&c.read, &keys, &made, &roles}
	for i, f := range forbidden {
		query, into = query+`, (SELECT count(*) `+f.count+`)`, append(into, &found[i])
	}
	c.d.must(c.conn.QueryRow(query, c.read).Scan(into...))
	for i, f := range forbidden {
		if found[i] > 0 {
			rt.Fatalf("%d %s:\n%s", found[i], f.what, c.m)
		}
	}
	if c.keys, c.roles = c.keys+made, c.roles+roles; keys != c.keys {
		rt.Fatalf("there are %d keys, and entries of %d", keys, c.keys)
	}
}
