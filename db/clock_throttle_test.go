package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// DUR-7, AUTH-5, AUTH-6: whatever the clock does, an address has its tries once, and again each time it jumps; a jitter
// gives none. Nobody waits for longer than twice the window.
func TestWhateverTheClockDoesAnAddressWaits(t *testing.T) {
	eachClock(t, func(d *desk, step clockStep, at []time.Time) {
		looked := 0
		for _, now := range at {
			d.set(now)
			for range access.AddressFailures + 5 {
				_, err := d.try("alice", access.WrongPassword, "192.0.2.7", "")
				if err == nil {
					looked++
					continue
				}
				if refusal := access.Refused(err, access.TooMany); refusal == nil || refusal.Wait > 2*access.AddressWindow {
					t.Fatalf("refused with %+v", err)
				}
			}
		}
		if want := step.tries * access.AddressFailures; looked != want {
			t.Errorf("%d failures were looked at, want %d", looked, want)
		}
		d.advance(2*access.AddressWindow + time.Second)
		d.mustTry("bob", access.SignedIn, "192.0.2.7", "", access.SignedIn)
	})
}

// DUR-7, AUTH-6: whatever the clock does, an account under attack takes an attempt of a stranger once in a while, not more
// often for a jitter, and again when the clock jumps; and it takes the owner's soon.
func TestWhateverTheClockDoesAnAccountWaits(t *testing.T) {
	eachClock(t, func(d *desk, step clockStep, at []time.Time) {
		d.advance(-time.Hour)
		d.attack("alice", access.AccountFailures)
		looked := 0
		for i, now := range at {
			d.set(now)
			for n := range 10 {
				outcome, err := d.try("alice", access.WrongPassword, fmt.Sprintf("203.0.%d.%d", i, n), "")
				d.must(err)
				if outcome == access.WrongPassword {
					looked++
				}
			}
		}
		if looked != step.turns {
			t.Errorf("%d attempts were looked at, want %d", looked, step.turns)
		}
		d.advance(access.AddressWindow + access.AccountPause)
		d.mustTry("alice", access.SignedIn, "192.0.2.1", "", access.SignedIn)
	})
}

// DUR-7, KEY-7: whatever the clock does, keys are made at their rate, and again when it jumps.
func TestWhateverTheClockDoesKeysHaveARate(t *testing.T) {
	eachClock(t, func(d *desk, step clockStep, at []time.Time) {
		const rate = 3
		d.reopenWith(access.KeyLimits{PerMinute: rate})
		made := 0
		for _, now := range at {
			d.set(now)
			made += d.makeAtOnce(rate+1, d.alice, access.TooMany)
		}
		if want := step.turns * rate; made != want {
			t.Errorf("%d keys were made, want %d", made, want)
		}
		d.advance(2*time.Minute + time.Second)
		if n := d.makeAtOnce(rate+1, d.alice, access.TooMany); n != rate {
			t.Errorf("two minutes later %d keys were made, want %d", n, rate)
		}
	})
}

// DUR-7, AUTH-6: browsers that an account knows from a future that was undone do not push out those of now.
func TestBrowsersOfTheFutureKeepNobodyStrange(t *testing.T) {
	d := newDesk(t)
	d.advance(10 * 365 * 24 * time.Hour)
	for i := range access.KnownBrowsers {
		d.signInWith("alice", fmt.Sprintf("browser %d", i))
	}
	d.advance(-10 * 365 * 24 * time.Hour)
	d.signInWith("alice", "mine")
	d.attack("alice", access.AccountFailures)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "mine", access.SignedIn)
}
