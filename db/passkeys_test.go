package db_test

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// passkey keeps a passkey of the person and returns it.
func (d *desk) passkey(userID, name string) access.Passkey {
	d.t.Helper()
	d.must(d.AddPasskey(d.t.Context(), access.Actor{UserID: userID, Role: access.User}, access.Passkey{
		Handle: []byte("handle of " + userID), CredentialID: []byte(name), Record: []byte(`{}`), Name: name, SignCount: 7,
	}, access.HashToken("challenge of "+name), nil))
	p, err := d.PasskeyOf(d.t.Context(), []byte(name))
	d.must(err)
	return p
}

// by returns an attempt to sign in by the passkey.
func by(p access.Passkey, challenge string, count uint32) access.Attempt {
	return access.Attempt{
		SignIn:  access.SignIn{UserID: p.UserID, Address: "192.0.2.1", Means: access.ByPasskey, Outcome: access.SignedIn},
		Passkey: &access.PasskeyUse{ID: p.ID, Challenge: access.HashToken(challenge), SignCount: count},
	}
}

// AUD-1: whatever becomes of passkeys and codes is written down, and a row that was put there otherwise is found.
func TestPasskeysStandInTheLog(t *testing.T) {
	d := newDesk(t)
	alice, root := access.Actor{UserID: "alice", Role: access.User}, access.Actor{UserID: "root", Role: access.Admin}
	first := d.passkey("alice", "laptop")
	d.passkey("alice", "blue key")
	d.must(d.MakeRecoveryCodes(t.Context(), alice, [][]byte{access.HashToken("1"), access.HashToken("2")}, "once"))
	d.must(d.RemovePasskey(t.Context(), alice, first.ID))
	wantSound(t, d.verified())
	d.must(d.RemovePasskeys(t.Context(), root, "alice"))
	d.must(d.RemovePasskeys(t.Context(), root, "alice")) // changes nothing
	wantSound(t, d.verified())
	var got []string
	changes, _, err := d.Changes(t.Context(), root, access.ChangeFilter{Person: "alice"}, 0)
	d.must(err)
	for _, c := range changes {
		got = append(got, c.Actor+": "+string(c.Action)+" "+c.Detail)
	}
	want := "root: remove another's passkeys , alice: remove passkey laptop, alice: make recovery codes , alice: add passkey blue key, " +
		"alice: add passkey laptop"
	if !strings.HasPrefix(strings.Join(got, ", "), want) {
		t.Errorf("the log says %q", got)
	}
	if err := d.RemovePasskeys(t.Context(), root, "root"); access.Refused(err, access.Clashes) == nil {
		t.Errorf("an administrator removes their own: %v", err)
	}
	if err := d.RemovePasskeys(t.Context(), alice, "root"); access.Refused(err, access.Denied) == nil {
		t.Errorf("a user removes another's: %v", err)
	}
}

// Who writes into the database cannot give themselves a passkey, or alter one, without being found.
func TestForgedPasskeysAreFound(t *testing.T) {
	for name, forge := range map[string]string{
		"added": `INSERT INTO passkeys (id, user_id, handle, credential_id, record, name, created_at, sign_count, backed_up)
			SELECT 'forged', p.user_id, handle, hash, record, name, created_at, 0, 0 FROM passkeys p, recovery_codes`,
		"altered":      `DROP TRIGGER passkeys_stay; UPDATE passkeys SET user_id = 'bob'`,
		"deleted":      `DELETE FROM passkeys`,
		"a code added": `INSERT INTO recovery_codes (hash, user_id, made_at) SELECT credential_id, user_id, created_at FROM passkeys`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.passkey("alice", "laptop")
			d.must(d.MakeRecoveryCodes(t.Context(), access.Actor{UserID: "alice", Role: access.User}, [][]byte{access.HashToken("1")}, "once"))
			if table, dropped := strings.CutPrefix(forge, "DROP TRIGGER passkeys_stay; "); dropped && db.IsPostgres(d.path) {
				dbtest.Exec(t, d.path, `DROP TRIGGER passkeys_stay ON passkeys`)
				forge = table
			}
			dbtest.Exec(t, d.path, forge)
			if state := d.verified(); state.Sound() {
				t.Error("it is not found")
			}
		})
	}
}

// Neither an answer nor a code is good twice, also of two at once; and an authenticator that counts never counts back.
func TestPasskeyAnswersOnce(t *testing.T) {
	d := newDesk(t)
	p := d.passkey("alice", "laptop")
	open := func(a access.Attempt) access.Outcome {
		outcome, err := d.SignIn(t.Context(), a, db.Opening{Session: access.HashToken(access.NewToken()), Limits: limits()})
		d.must(err)
		return outcome
	}
	var wg sync.WaitGroup
	outcomes := make([]access.Outcome, 8)
	for i := range outcomes {
		wg.Go(func() { outcomes[i] = open(by(p, "one", 8)) })
	}
	wg.Wait()
	in := 0
	for _, o := range outcomes {
		if o == access.SignedIn {
			in++
		}
	}
	if in != 1 {
		t.Errorf("%d of 8 answers to one challenge are good: %v", in, outcomes)
	}
	for _, count := range []uint32{0, 7, 8} {
		if got := open(by(p, "of a copy", count)); got != access.WrongPasskey {
			t.Errorf("a count of %d after 8: %s", count, got)
		}
	}
	if got := open(by(p, "two", 9)); got != access.SignedIn {
		t.Errorf("a count of 9 after 8: %s", got)
	}
	bob := by(p, "three", 10)
	bob.UserID = "bob"
	if got := open(bob); got != access.WrongPasskey {
		t.Errorf("alice's passkey for bob: %s", got)
	}
}

func TestPasskeysAreLimitedAndUnique(t *testing.T) {
	d := newDesk(t)
	for i := range access.MostPasskeys {
		d.passkey("alice", "key "+string(rune('a'+i)))
	}
	add := func(userID, credential, challenge string) error {
		return d.AddPasskey(t.Context(), access.Actor{UserID: userID, Role: access.User}, access.Passkey{
			Handle: []byte("h"), CredentialID: []byte(credential), Record: []byte(`{}`),
		}, access.HashToken(challenge), nil)
	}
	for name, err := range map[string]error{
		"one more":         add("alice", "one more", "1"),
		"another's":        add("bob", "key a", "2"),
		"the same answer":  add("bob", "new", "challenge of key a"),
		"a set without":    d.MakeRecoveryCodes(t.Context(), access.Actor{UserID: "bob", Role: access.User}, [][]byte{{1}}, "x"),
		"an id of nothing": d.RemovePasskey(t.Context(), access.Actor{UserID: "bob", Role: access.User}, "a\x00b"),
	} {
		if access.Refused(err, access.Clashes) == nil && !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantSound(t, d.verified())
}

// What was spent is remembered for as long as sign-ins are kept.
func TestSpentChallengesAreForgotten(t *testing.T) {
	d := newDesk(t)
	d.passkey("alice", "laptop")
	if n, err := d.Forget(t.Context(), 24*time.Hour); err != nil || n != 0 {
		t.Errorf("%d rows are forgotten at once, %v", n, err)
	}
	d.advance(48 * time.Hour)
	n, err := d.Forget(t.Context(), 24*time.Hour)
	d.must(err)
	if n != 1 {
		t.Errorf("%d rows are forgotten", n)
	}
}

// A sign-in by the password alone that comes while a passkey is added either ends with the other sessions, or awaits the passkey.
func TestNoSignInByPasswordOutlivesANewPasskey(t *testing.T) {
	d := newDesk(t)
	hash := d.passwordHash("alice")
	for i := range 10 {
		var added atomic.Bool
		var signingIn sync.WaitGroup
		for range 3 {
			signingIn.Go(func() {
				for !added.Load() {
					_, err := d.SignIn(t.Context(), access.Attempt{
						SignIn: access.SignIn{UserID: "alice", Address: "192.0.2.1", Means: access.ByPassword, Outcome: access.SignedIn}, Password: hash,
					}, db.Opening{Session: access.HashToken(access.NewToken()), Limits: limits()})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		p := d.passkey("alice", "key "+strconv.Itoa(i))
		added.Store(true)
		signingIn.Wait()
		var left int
		if dbtest.Look(t, d.path, `SELECT count(*) FROM sessions WHERE user_id = 'alice' AND passkey = 0`, &left); left > 0 {
			t.Errorf("%d sessions by the password alone outlive the passkey", left)
		}
		d.must(d.RemovePasskey(t.Context(), access.Actor{UserID: "alice", Role: access.User}, p.ID))
	}
}

// DUR-10: a database that was set back makes no recovery code good that was used since.
func TestRestoredRecoveryCodesAreUsedUp(t *testing.T) {
	d := newSQLiteDesk(t)
	d.passkey("alice", "laptop")
	d.must(d.MakeRecoveryCodes(t.Context(), access.Actor{UserID: "alice", Role: access.User}, [][]byte{access.HashToken("1")}, "once"))
	d.close()
	backup := dbtest.Backup(t, d.path)
	d.path = filepath.Join(t.TempDir(), "keydesk.db")
	_, err := db.Restore(t.Context(), backup, d.options())
	d.must(err)
	d.open()
	if f, err := d.SecondFactor(t.Context(), "alice"); err != nil || f.RecoveryCodes != 0 || len(f.Passkeys) != 1 {
		t.Errorf("after a restore: %+v, %v", f, err)
	}
	wantSound(t, d.verified())
}
