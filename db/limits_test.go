package db_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// limitedDesk opens a database with these limits of each user's keys.
func limitedDesk(t *testing.T, limits access.KeyLimits) *desk {
	t.Helper()
	d := newDesk(t)
	d.close()
	o := d.options()
	o.Limits = limits
	d.openWith(o)
	return d
}

// makeAtOnce has the actor ask for n keys at once and returns how many were made; the others must be refused so.
func (d *desk) makeAtOnce(n int, owner access.Actor, code access.Code) (made int) {
	d.t.Helper()
	start, errs := make(chan struct{}), make([]error, n)
	var asking sync.WaitGroup
	for i := range n {
		f := d.fingerprint()
		asking.Go(func() { <-start; _, errs[i] = d.CreateKey(d.t.Context(), owner, f, "") })
	}
	close(start)
	asking.Wait()
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		wantRefusal(d.t, err, code)
	}
	return made
}

// KEY-7, AZ-10: however many ask at once, the limit is exact, each user has their own, and what is refused leaves no
// trace.
func TestLimitOfActiveKeysIsExact(t *testing.T) {
	const limit = 5
	d := limitedDesk(t, access.KeyLimits{Active: limit})
	log := d.changes()
	if made := d.makeAtOnce(40, d.alice, access.Clashes); made != limit {
		t.Errorf("%d keys were made, want %d", made, limit)
	}
	if p := d.person("alice"); p.ActiveKeys != limit || len(d.all()) != limit || len(d.changes()) != len(log)+limit {
		t.Errorf("%d keys, %d told of, %d entries", p.ActiveKeys, len(d.all()), len(d.changes())-len(log))
	}
	d.makeKey(d.bob)
}

// KEY-7
func TestInactiveKeysDoNotCount(t *testing.T) {
	const limit = 3
	d := limitedDesk(t, access.KeyLimits{Active: limit})
	for range 4 * limit {
		key, _ := d.makeKey(d.alice)
		d.deactivate(d.alice, key.ID)
	}
	var last access.Key
	for range limit {
		last, _ = d.makeKey(d.alice)
	}
	_, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "")
	wantRefusal(t, err, access.Clashes)
	if _, err := d.DeactivateKey(t.Context(), d.root, last.ID, "leaked"); err != nil {
		t.Fatal(err)
	}
	if made := d.makeAtOnce(8, d.alice, access.Clashes); made != 1 {
		t.Errorf("in the place of one, %d keys were made", made)
	}
}

// KEY-7: the keys count that were made, whether they are active still or not.
func TestRateOfNewKeysIsExact(t *testing.T) {
	const limit = 6
	d := limitedDesk(t, access.KeyLimits{PerMinute: limit})
	for range 2 {
		key, _ := d.makeKey(d.alice)
		d.deactivate(d.alice, key.ID)
	}
	if made := d.makeAtOnce(40, d.alice, access.TooMany); made != limit-2 {
		t.Errorf("%d keys were made, want %d", made, limit-2)
	}
	d.makeKey(d.bob)
	d.reopenWith(access.KeyLimits{PerMinute: limit}) // a restart forgives nothing
	_, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "")
	refusal := access.Refused(err, access.TooMany)
	if refusal == nil || refusal.Wait <= 0 || refusal.Wait > time.Minute {
		t.Errorf("after a restart: %+v", err)
	}
}

func (d *desk) reopenWith(limits access.KeyLimits) {
	d.t.Helper()
	d.close()
	o := d.options()
	o.Limits = limits
	d.openWith(o)
}

// KEY-7: within any 60 seconds, so each key frees its place a minute after it was made.
func TestRateOfNewKeysFreesUp(t *testing.T) {
	d := limitedDesk(t, access.KeyLimits{PerMinute: 3})
	for _, step := range []struct {
		after time.Duration
		made  int
	}{
		{0, 3}, {30 * time.Second, 0}, {30*time.Second - time.Microsecond, 0}, {time.Microsecond, 3},
		{time.Minute - time.Microsecond, 0}, {time.Microsecond, 3}, {time.Hour, 3},
	} {
		d.advance(step.after)
		if made := d.makeAtOnce(5, d.alice, access.TooMany); made != step.made {
			t.Errorf("at %v: %d keys were made, want %d", d.Now(), made, step.made)
		}
	}
	d.advance(time.Hour)
	d.makeKey(d.alice)
	d.advance(40 * time.Second)
	d.makeKey(d.alice)
	d.makeKey(d.alice)
	d.advance(20 * time.Second)
	if made := d.makeAtOnce(5, d.alice, access.TooMany); made != 1 {
		t.Errorf("a minute after the first of three: %d keys were made", made)
	}
}

// KEY-7, DUR-7: what was made while the clock ran ahead keeps nobody from making keys until then.
func TestKeysOfTheFutureHoldNobodyUp(t *testing.T) {
	d := limitedDesk(t, access.KeyLimits{PerMinute: 3})
	if made := d.makeAtOnce(5, d.alice, access.TooMany); made != 3 {
		t.Fatalf("%d keys were made", made)
	}
	d.advance(-365 * 24 * time.Hour)
	if made := d.makeAtOnce(5, d.alice, access.TooMany); made != 3 {
		t.Errorf("a year before: %d keys were made, want 3", made)
	}
}

// KEY-7, REV-6: a form that was used is told so, also by who is at the limit; no place is taken by it.
func TestUsedFormIsToldSoAtTheLimit(t *testing.T) {
	d := limitedDesk(t, access.KeyLimits{Active: 1})
	if _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-1"); err != nil {
		t.Fatal(err)
	}
	_, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-1")
	if refusal := access.Refused(err, access.Clashes); refusal == nil || refusal.Field != "once" {
		t.Errorf("the form again: %v", err)
	}
	_, err = d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-2")
	if refusal := access.Refused(err, access.Clashes); refusal == nil || refusal.Field != "" {
		t.Errorf("another form: %v", err)
	}
	keys, _, err := d.OwnKeys(t.Context(), d.alice, "")
	d.must(err)
	d.deactivate(d.alice, keys[0].ID)
	if _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-2"); err != nil {
		t.Errorf("the form that was refused, with room: %v", err)
	}
}

// AUD-7: nobody buries the audit log, which is kept for ever, under what they may change at will.
func TestWhatIsChangedAtWillHasARate(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	other, _ := d.makeKey(d.bob)
	ways := map[string]func(actor access.Actor, id string, n int) error{
		"rename": func(actor access.Actor, id string, n int) error {
			_, err := d.RenameKey(t.Context(), actor, id, strconv.Itoa(n))
			return err
		},
		"feedback": func(actor access.Actor, _ string, n int) error {
			return d.GiveFeedback(t.Context(), actor, true, strconv.Itoa(n))
		},
	}
	for name, change := range ways {
		for n := range access.ChangeRate {
			if err := change(d.alice, key.ID, n); err != nil {
				t.Fatalf("%s %d: %v", name, n, err)
			}
		}
		before := d.content()
		err := change(d.alice, key.ID, access.ChangeRate)
		if refusal := access.Refused(err, access.TooMany); refusal == nil || refusal.Wait != time.Minute {
			t.Errorf("%s: %v", name, err)
		}
		if after := d.content(); after != before {
			t.Errorf("%s: something was changed", name)
		}
		d.must(change(d.bob, other.ID, 0)) // another person is not concerned
		d.advance(time.Minute + time.Second)
		d.must(change(d.alice, key.ID, access.ChangeRate))
	}
}
