package db_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// clockStep is what a clock does while six minutes pass: how far it is off at each of them.
type clockStep struct {
	name  string
	off   [6]time.Duration
	tries int // of the six times, how often tries begin anew that a throttle has counted: at first, and where the clock jumps
	turns int // how often what may be done once a minute may be done
}

// clockSteps are the ways of a clock that is set, stopped, or worth nothing.
func clockSteps() []clockStep {
	const year = 365 * 24 * time.Hour
	return []clockStep{
		{"right", [6]time.Duration{}, 1, 6},
		{"back an hour", [6]time.Duration{0, 0, -time.Hour, -time.Hour, -time.Hour, -time.Hour}, 2, 6},
		{"back a year", [6]time.Duration{0, 0, -year, -year, -year, -year}, 2, 6},
		{"ten years on", [6]time.Duration{0, 0, 10 * year, 10 * year, 10 * year, 10 * year}, 2, 6},
		{"ten years on, and back", [6]time.Duration{0, 0, 10 * year, 10 * year, -time.Hour, -time.Hour}, 3, 6},
		{"a stop", [6]time.Duration{0, -time.Minute, -2 * time.Minute, -3 * time.Minute, -4 * time.Minute, -5 * time.Minute}, 1, 1},
		{"a jitter", [6]time.Duration{ // between 40 s before the first time and 9 s after it
			0, -time.Minute - 40*time.Second, -2*time.Minute + 8*time.Second, -3*time.Minute - 17*time.Second,
			-4*time.Minute + 9*time.Second, -5*time.Minute - 30*time.Second,
		}, 1, 1},
	}
}

// eachClock has a new desk go through each of the steps.
func eachClock(t *testing.T, run func(d *desk, step clockStep, at []time.Time)) {
	t.Helper()
	for _, step := range clockSteps() {
		t.Run(step.name, func(t *testing.T) {
			d := newDesk(t)
			began := d.Now()
			at := make([]time.Time, len(step.off))
			for i, off := range step.off {
				at[i] = began.Add(time.Duration(i)*time.Minute + off)
			}
			run(d, step, at)
		})
	}
}

// DUR-7, AUD-9, IO-6: whatever the clock does, changes are numbered in the order in which they were made, ids are unique, no
// key has a negative age, and no last use moves backwards.
func TestWhateverTheClockDoesTheOrderIsKept(t *testing.T) {
	eachClock(t, func(d *desk, _ clockStep, at []time.Time) {
		var made []string
		first, _ := d.makeKey(d.bob)
		last := time.Time{}
		for i, now := range at {
			d.set(now)
			for range 2 {
				key, _ := d.makeKey(d.alice)
				made = append(made, key.ID)
			}
			d.deactivate(d.alice, made[2*i])
			d.must(d.saveUses(map[string]time.Time{first.ID: now}))
			used, err := d.OwnKey(t.Context(), d.bob, first.ID)
			d.must(err)
			if used.LastUsedAt.Before(last) || used.LastUsedAt.Before(now) {
				t.Errorf("at %s it was last used at %s, and before that at %s", now, used.LastUsedAt, last)
			}
			last = used.LastUsedAt
			d.wantNoNegativeAge(2*i + 3)
		}
		changes := d.changes()
		checkNumbers(t, changes, 4+3*len(at))
		for i := range at {
			for j, action := range []access.Action{access.CreateKey, access.CreateKey, access.DeactivateOwnKey} {
				entry, key := changes[len(changes)-1-(4+3*i+j)], made[2*i+j%2]
				if entry.Action != action || entry.KeyID != key || !entry.At.Equal(at[i]) {
					t.Errorf("entry %d is %+v, want %s of %s at %s", entry.Number, entry, action, key, at[i])
				}
			}
		}
		var ids int
		if dbtest.Look(t, d.path, `SELECT count(DISTINCT id) FROM keys`, &ids); ids != len(made)+1 {
			t.Errorf("%d ids of %d keys", ids, len(made)+1)
		}
	})
}

// wantNoNegativeAge looks at the report, in which there are so many keys.
func (d *desk) wantNoNegativeAge(keys int) {
	d.t.Helper()
	var report []byte
	row := access.NewReport(d.Now())
	d.must(d.Export(d.t.Context(), d.operator, "", reading(nothing, func(k access.Key) error {
		report = row.Append(report, k)
		return nil
	})))
	rows := strings.Split(strings.TrimSuffix(string(report), "\r\n"), "\r\n")
	for _, row := range rows {
		if days, err := strconv.Atoi(strings.Split(row, ",")[3]); err != nil || days < 0 {
			d.t.Errorf("at %s the report has %q", d.Now(), row)
		}
	}
	if len(rows) != keys {
		d.t.Errorf("the report has %d rows, want %d", len(rows), keys)
	}
}

// DUR-7, SES-4: whatever the clock does, no session outlives its limits from then on, and none of the future is one.
func TestWhateverTheClockDoesNoSessionIsImmortal(t *testing.T) {
	eachClock(t, func(d *desk, _ clockStep, at []time.Time) {
		opened := map[time.Time][]byte{}
		for _, now := range at {
			d.set(now)
			hash := d.signIn("alice")
			opened[d.Now()] = hash
			for was, hash := range opened {
				if was.After(d.Now().Add(time.Minute)) && d.alive(hash) {
					t.Errorf("at %s a session of %s is alive", d.Now(), was)
				}
			}
			if !d.alive(hash) {
				t.Errorf("at %s who signs in is not signed in", now)
			}
		}
		for range 25 {
			d.advance(30 * time.Minute)
			for _, hash := range opened {
				if d.alive(hash) {
					d.mark(hash)
				}
			}
		}
		for was, hash := range opened {
			if d.alive(hash) {
				t.Errorf("12 h and 30 minutes later, a session of %s is alive", was)
			}
		}
	})
}

// DUR-7, SES-4: a request may be under way while the clock is set back, and mark its session after that.
func TestSessionOfTheFutureIsNoneThoughItIsMarkedNow(t *testing.T) {
	d := newDesk(t)
	d.advance(10 * 365 * 24 * time.Hour)
	hash := d.signIn("alice")
	d.advance(-10 * 365 * 24 * time.Hour)
	d.mark(hash)
	if d.alive(hash) {
		t.Error("it is alive")
	}
	if got := d.sessions(d.alice); len(got) != 0 {
		t.Errorf("there are %+v", got)
	}
	d.signIn("bob")
	var n int
	if dbtest.Look(t, d.path, `SELECT count(*) FROM sessions`, &n); n != 1 {
		t.Errorf("%d sessions are kept", n)
	}
}

// DUR-7, AZ-6: whatever the clock does, a link is dead two days later, and one of another time than now is not good.
func TestWhateverTheClockDoesLinksExpire(t *testing.T) {
	eachClock(t, func(d *desk, _ clockStep, at []time.Time) {
		for _, now := range at {
			d.set(now)
			link := d.issue(d.root, "bob")
			d.wantGood("now", link, "bob")
		}
		link := d.issue(d.root, "alice")
		for i, now := range at {
			d.set(now)
			if _, err := d.Link(t.Context(), link); err == nil && at[len(at)-1].Sub(now).Abs() > access.LinkLife {
				t.Errorf("a link of %s is good at %s, step %d", at[len(at)-1], now, i)
			}
		}
		d.set(at[len(at)-1])
		d.advance(access.LinkLife)
		d.wantDead("a day later", link)
	})
}
