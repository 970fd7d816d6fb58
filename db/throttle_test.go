package db_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// try makes a sign-in whose password was right or wrong, from the address and the browser (none when empty), and
// returns its outcome.
func (d *desk) try(userID string, outcome access.Outcome, address, browser string) (access.Outcome, error) {
	d.t.Helper()
	a := with(access.SignIn{UserID: userID, Address: address, Outcome: outcome})
	if browser != "" {
		a.Browser = access.HashToken(browser)
	}
	return d.SignIn(d.t.Context(), a, db.Opening{Session: access.HashToken(access.NewToken()), Limits: limits()})
}

// mustTry is try, which must have this outcome.
func (d *desk) mustTry(userID string, outcome access.Outcome, address, browser string, want access.Outcome) {
	d.t.Helper()
	if got, err := d.try(userID, outcome, address, browser); err != nil || got != want {
		d.t.Fatalf("%s of %s from %s: %q, %v, want %q", outcome, userID, address, got, err, want)
	}
}

// signInWith opens a session for the person in a browser and returns its hash.
func (d *desk) signInWith(userID, browser string) []byte {
	d.t.Helper()
	hash := access.HashToken(access.NewToken())
	a := access.Attempt{SignIn: signedIn(userID), Password: d.passwordHash(userID), Browser: access.HashToken(browser)}
	outcome, err := d.SignIn(d.t.Context(), a, db.Opening{Session: hash, Limits: limits()})
	if err != nil || outcome != access.SignedIn {
		d.t.Fatalf("%s: %s, %v", userID, outcome, err)
	}
	return hash
}

// attack fails so often at an account, each time from elsewhere.
func (d *desk) attack(userID string, times int) {
	d.t.Helper()
	for i := range times {
		if _, err := d.try(userID, access.WrongPassword, fmt.Sprintf("198.51.%d.%d", i/200, 1+i%200), ""); err != nil {
			d.t.Fatal(err)
		}
	}
}

// AUTH-5, AUTH-6: after 20 failures in 10 minutes an address waits, whatever it would say next.
func TestAddressThatFailsOftenWaits(t *testing.T) {
	d := newDesk(t)
	for i := range access.AddressFailures {
		d.mustTry(access.UnknownUser, access.UserUnknown, "192.0.2.7", "", access.UserUnknown)
		if i < access.AddressFailures-1 {
			d.advance(time.Second)
		}
	}
	for _, outcome := range []access.Outcome{access.SignedIn, access.WrongPassword} {
		_, err := d.try("alice", outcome, "192.0.2.7", "")
		wantRefusal(t, err, access.TooMany)
		if wait := access.Refused(err, access.TooMany).Wait; wait != 9*time.Minute+41*time.Second {
			t.Errorf("%s waits for %v", outcome, wait)
		}
	}
	wantRefusal(t, d.CheckAddress(t.Context(), "192.0.2.7"), access.TooMany)
	d.mustTry("alice", access.SignedIn, "192.0.2.8", "", access.SignedIn) // a neighbour does not wait
	d.advance(9*time.Minute + 42*time.Second)
	d.mustTry("alice", access.SignedIn, "192.0.2.7", "", access.SignedIn)
}

// AUTH-6: successes never count, and so neither do those who work behind one address.
func TestSuccessesNeverMakeAnAddressWait(t *testing.T) {
	d := newDesk(t)
	for range 3 * access.AddressFailures {
		d.mustTry("alice", access.SignedIn, "192.0.2.7", "", access.SignedIn)
	}
}

// AUTH-6: whoever has one IPv6 address has the 18 quintillion beside it too.
func TestNetworkOfAnIPv6AddressWaitsAsOne(t *testing.T) {
	d := newDesk(t)
	for i := range access.AddressFailures {
		d.mustTry("alice", access.WrongPassword, fmt.Sprintf("2001:db8:1:2::%x", i+1), "", access.WrongPassword)
	}
	_, err := d.try("alice", access.SignedIn, "2001:db8:1:2:ffff::1", "")
	wantRefusal(t, err, access.TooMany)
	d.mustTry("bob", access.SignedIn, "2001:db8:1:3::1", "", access.SignedIn)
}

// AUTH-6: what is tried at once is counted as what is tried in turn.
func TestAttemptsAtOnceAreAllCounted(t *testing.T) {
	d := newDesk(t)
	var done sync.WaitGroup
	var looked, refused sync.Map
	for i := range 3 * access.AddressFailures {
		done.Go(func() {
			if _, err := d.try("alice", access.WrongPassword, "192.0.2.7", ""); err != nil {
				refused.Store(i, err)
			} else {
				looked.Store(i, true)
			}
		})
	}
	done.Wait()
	if n := size(&looked); n != access.AddressFailures || size(&refused) != 2*access.AddressFailures {
		t.Errorf("%d attempts were looked at", n)
	}
}

func size(m *sync.Map) (n int) {
	m.Range(func(any, any) bool { n++; return true })
	return n
}

// AUTH-6: an account under attack takes one attempt of strangers in 10 s, and no more; nobody is locked out.
func TestAccountUnderAttackTakesAnAttemptNowAndThen(t *testing.T) {
	d := newDesk(t)
	d.attack("alice", access.AccountFailures)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "", access.Throttled)
	d.advance(access.AccountPause - time.Second)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "", access.Throttled)
	d.advance(time.Second)
	d.mustTry("alice", access.WrongPassword, "192.0.2.2", "", access.WrongPassword)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "", access.Throttled)
	d.mustTry("bob", access.SignedIn, "192.0.2.1", "", access.SignedIn) // others are not concerned
	d.advance(access.AccountPause)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "", access.SignedIn)
	d.mustTry("alice", access.SignedIn, "192.0.2.2", "", access.SignedIn) // a stranger's success forgives strangers
}

// AUTH-6: its owner signs in meanwhile, from a browser that has before. That gives the attacker no new attempts.
func TestKnownBrowserIsExempt(t *testing.T) {
	d := newDesk(t)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "laptop", access.SignedIn)
	d.mustTry("bob", access.SignedIn, "192.0.2.1", "other", access.SignedIn)
	d.attack("alice", 2*access.AccountFailures)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "laptop", access.SignedIn)
	d.mustTry("alice", access.WrongPassword, "192.0.2.3", "", access.Throttled)
	d.mustTry("alice", access.SignedIn, "192.0.2.3", "other", access.Throttled) // known to bob's account only
}

// AUTH-6: who found the laptop has no more attempts with it than strangers have.
func TestKnownBrowserThatFailsOftenIsAStranger(t *testing.T) {
	d := newDesk(t)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "laptop", access.SignedIn)
	for i := range access.AccountFailures {
		d.mustTry("alice", access.WrongPassword, fmt.Sprintf("198.51.100.%d", i+1), "laptop", access.WrongPassword)
	}
	d.attack("alice", access.AccountFailures)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "laptop", access.Throttled)
}

// AUTH-9: a restart forgives nothing.
func TestThrottleSurvivesARestart(t *testing.T) {
	d := newDesk(t)
	d.attack("alice", access.AccountFailures)
	for range access.AddressFailures {
		d.mustTry(access.UnknownUser, access.UserUnknown, "192.0.2.7", "", access.UserUnknown)
	}
	d.reopen()
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "", access.Throttled)
	wantRefusal(t, d.CheckAddress(t.Context(), "192.0.2.7"), access.TooMany)
}

// AUTH-9: an account remembers 20 browsers, the latest.
func TestKnownBrowsersAreBounded(t *testing.T) {
	d := newDesk(t)
	for i := range access.KnownBrowsers + 5 {
		d.advance(time.Second)
		d.mustTry("alice", access.SignedIn, "192.0.2.1", fmt.Sprint("browser ", i), access.SignedIn)
	}
	var n int
	if dbtest.Look(t, d.path, `SELECT count(*) FROM browsers`, &n); n != access.KnownBrowsers {
		t.Fatalf("%d browsers", n)
	}
	d.attack("alice", access.AccountFailures)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "browser 0", access.Throttled)
	d.mustTry("alice", access.SignedIn, "192.0.2.1", "browser 24", access.SignedIn)
}

// DUR-7: a clock that is set back makes nobody wait for as long.
func TestClockSetBackMakesNobodyWait(t *testing.T) {
	d := newDesk(t)
	d.attack("alice", access.AccountFailures)
	for range access.AddressFailures {
		d.mustTry(access.UnknownUser, access.UserUnknown, "192.0.2.7", "", access.UserUnknown)
	}
	d.advance(-365 * 24 * time.Hour)
	d.mustTry("alice", access.SignedIn, "192.0.2.7", "", access.SignedIn)
}
