package db_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// KEY-8, AUD-1: what a trigger in the database undoes, that nobody here made, is not answered as done.
func TestChangeThatTheDatabaseUndoesIsNotDone(t *testing.T) {
	for name, trigger := range map[string]string{
		"a deactivation ignored": `CREATE TRIGGER x BEFORE UPDATE OF deactivated_at ON keys BEGIN SELECT RAISE(IGNORE); END`,
		"a deactivation undone": `DROP TRIGGER keys_final; CREATE TRIGGER x AFTER UPDATE OF deactivated_at ON keys WHEN NEW.deactivated_at > 0
			BEGIN UPDATE keys SET deactivated_at = NULL WHERE id = NEW.id; END`,
		"a disabling ignored": `CREATE TRIGGER x BEFORE UPDATE OF disabled_at ON users BEGIN SELECT RAISE(IGNORE); END`,
	} {
		t.Run(name, func(t *testing.T) {
			d := newSQLiteDesk(t)
			key, hash := d.makeKey(d.alice)
			dbtest.Exec(t, d.path, trigger)
			if _, err := d.DeactivateOwnKey(t.Context(), d.alice, key.ID); err == nil && d.verdict(hash) == access.Accepted {
				t.Error("the key is said to be deactivated, and is accepted")
			}
			if err := d.DisableUser(t.Context(), d.operator, "alice"); !errors.Is(err, access.ErrUnsaved) {
				t.Errorf("the user is disabled: %v", err)
			}
		})
	}
}

// DUR-10: keys stay dead that a program deactivated whose log had no tree yet.
func TestLossOfEntriesWithoutTracesEndsKeysAgain(t *testing.T) {
	for _, action := range []string{"deactivate key", "disable user"} {
		v := newOldVersion(t, 6)
		backup := dbtest.Backup(t, v.path)
		dbtest.Exec(t, v.path, `UPDATE keys SET deactivated_at = 1750000000000000, deactivated_by = 'root', reason = 'leaked', change = 2
			WHERE id = ?`, dbtest.LiveID)
		dbtest.Exec(t, v.path, `UPDATE audit_head SET number = number + 1`)
		dbtest.Exec(t, v.path, `INSERT INTO audit (number, at, actor, address, action, user_id, key_id, detail)
			VALUES (2, 1750000000000000, 'root', '192.0.2.1', ?, 'alice', ?, 'leaked')`, action, dbtest.LiveID)
		o := v.options()
		o.Anchor = filepath.Join(t.TempDir(), "keydesk.anchor")
		v.openWith(o)
		v.close()
		o.Database = backup
		_, err := db.Open(t.Context(), o)
		if !errors.Is(err, db.ErrBehind) {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(err.Error(), "--accept-loss ")
		o.AcceptLoss, _, _ = strings.Cut(name, ",")
		v.path = backup
		v.openWith(o)
		if got := v.verdict(v.Live.Hash); got != access.Deactivated {
			t.Errorf("%s: the key is %s", action, got)
		}
		if state, err := v.VerifyLog(t.Context(), v.operator, v.Secrets().Verifiers); err != nil || !state.Sound() {
			t.Errorf("%s: %v, %q", action, err, state.Findings)
		}
		v.close()
	}
}

// DUR-9, AUD-4: a backup whose log somebody has signed with a key of their own is not restored, whatever it says that its key is.
func TestBackupSignedByAnotherKeyIsNotRestored(t *testing.T) {
	d := newSQLiteDesk(t)
	d.close()
	var signed string
	dbtest.Look(t, d.path, `SELECT checkpoint FROM audit_head`, &signed)
	c, err := access.ReadCheckpoint(signed)
	d.must(err)
	key, verifier, err := access.NewSigningKey(c.Origin, make([]byte, access.SigningSeedLen))
	d.must(err)
	forged, err := c.Sign(key)
	d.must(err)
	dbtest.Exec(t, d.path, `DROP TRIGGER audit_head_signed`)
	dbtest.Exec(t, d.path, `UPDATE signing_keys SET verifier = ?`, verifier)
	dbtest.Exec(t, d.path, `UPDATE audit_head SET checkpoint = ?`, forged)
	o := d.options()
	o.Database = filepath.Join(t.TempDir(), "keydesk.db")
	_, err = db.Restore(t.Context(), dbtest.Backup(t, d.path), o)
	if err == nil || !strings.Contains(err.Error(), "checkpoint is not signed by the log's key") {
		t.Errorf("restored: %v", err)
	}
	if err := db.Exists(t.Context(), o.Database); !errors.Is(err, db.ErrAbsent) {
		t.Errorf("the database: %v", err)
	}
}

// AUD-3: of the checkpoint that both keys of a rotation have signed, either is enough.
func TestEitherKeyOfARotationVerifiesItsCheckpoint(t *testing.T) {
	d := newDesk(t)
	former := slices.Clone(d.Secrets().Verifiers)
	_, err := d.RotateSecrets(t.Context(), d.operator, db.Rotation{Signing: true})
	d.must(err)
	for _, keys := range [][]string{former, d.Secrets().Verifiers[:1], d.Secrets().Verifiers} {
		if state, err := d.VerifyLog(t.Context(), d.operator, keys); err != nil || !state.Sound() {
			t.Errorf("by %d keys: %v, %q", len(keys), err, state.Findings)
		}
	}
}
