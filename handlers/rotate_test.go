package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// elsewhere returns the database as another process has it open, with the next root secret too.
func (d *desk) elsewhere() *db.DB {
	d.t.Helper()
	d.must(d.db.ShareLock())
	next, err := access.ParseRootSecret(access.NewRootSecret())
	d.must(err)
	other, err := db.Open(context.Background(), db.Options{
		Database: d.path, Beside: true, Now: d.db.Now,
		Root: func(bool) (access.RootSecret, error) { return next.After(d.root), nil },
	})
	d.must(err)
	d.t.Cleanup(func() { _ = other.Close() })
	return other
}

// keyUnder makes a key of alice's under the newest pepper that the database has, and returns it in full.
func keyUnder(d *desk, on *db.DB) string {
	d.t.Helper()
	s, peppers := access.NewSecret(access.DefaultPrefix), on.Secrets().Peppers
	_, err := on.CreateKey(context.Background(), access.Actor{UserID: "alice"}, peppers[len(peppers)-1].Fingerprint(s), "")
	d.must(err)
	return s.Reveal()
}

// rotate rotates secrets in the database.
func rotate(d *desk, on *db.DB, r db.Rotation) {
	d.t.Helper()
	_, err := on.RotateSecrets(context.Background(), access.TheOperator(), r)
	d.must(err)
}

// SEC-2, KEY-6: a key is good under whichever pepper it was hashed, deactivated under whichever, and otherwise unknown.
func TestKeysOfAllPeppersAreRecognised(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		var keys []string
		for range 3 {
			keys = append(keys, keyUnder(d, d.db))
			rotate(d, d.db, db.Rotation{Pepper: true})
		}
		for _, key := range append(keys, keyUnder(d, d.db)) {
			d.verify(http.MethodGet, "", bearer(key)).is(http.StatusOK)
		}
		ended, id := d.newKey("alice")
		_, err := d.db.DeactivateKey(context.Background(), access.Actor{UserID: "root", Role: access.Admin}, id, "old")
		d.must(err)
		rotate(d, d.db, db.Rotation{Pepper: true})
		refusedWith(t, d.verify(http.MethodGet, "", bearer(ended)), "deactivated")
		refusedWith(t, d.verify(http.MethodGet, "", bearer(access.NewSecret("kd_").Reveal())), "unknown")
	})
}

// SEC-2: nobody is told that a key is unknown by a desk that cannot open every pepper.
func TestDeskThatCannotOpenAPepperDoesNotSayUnknown(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		known, other := keyUnder(d, d.db), d.elsewhere()
		rotate(d, other, db.Rotation{Root: true, Pepper: true})
		if err := d.db.RefreshSecrets(context.Background()); err == nil {
			t.Fatal("it opens")
		}
		d.verify(http.MethodGet, "", bearer(known)).is(http.StatusOK)
		for _, key := range []string{access.NewSecret("kd_").Reveal(), access.NewSecret("kd_").Reveal()} {
			d.verify(http.MethodGet, "", bearer(key)).is(http.StatusServiceUnavailable)
		}
		if log := d.log.String(); !strings.Contains(log, "KEYDESK_SECRET_PREVIOUS") {
			t.Errorf("the log does not say what to do: %s", log)
		}
	})
}

// SES-8: sessions go on when the session key is rotated, here or elsewhere, and a cookie of a new key opens.
func TestSessionsOutlastTheirKey(t *testing.T) {
	d := newDesk(t)
	other, alice := d.elsewhere(), d.signIn("alice")
	for _, on := range []*db.DB{d.db, other, d.db} {
		rotate(d, on, db.Rotation{Session: true})
		alice.get("/profile/keys").is(http.StatusOK)
		d.signIn("bob").get("/profile/keys").is(http.StatusOK)
	}
	if n := len(d.db.Secrets().SessionKeys); n != 4 {
		t.Errorf("there are %d session keys", n)
	}
}

// SES-8: a cookie that may be of a key that cannot be opened is not taken away from its browser.
func TestCookieOfASealedKeyIsKept(t *testing.T) {
	d := newDesk(t)
	alice, other := d.signIn("alice"), d.elsewhere()
	rotate(d, other, db.Rotation{Root: true, Session: true})
	alice.get("/profile/keys").is(http.StatusOK)
	cookie := *alice.cookie
	cookie.Value = "of-another-key"
	alice.cookie = &cookie
	got := alice.get("/profile/keys").is(http.StatusServiceUnavailable)
	if got.header.Get("Set-Cookie") != "" {
		t.Error("the cookie is taken away")
	}
}
