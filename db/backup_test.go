package db_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// newBackup returns a desk in SQLite with an anchor, and a backup of it in a folder of its own.
func newBackup(t *testing.T) (*anchoredDesk, string) {
	t.Helper()
	d := &anchoredDesk{desk: newSQLiteDesk(t), file: filepath.Join(t.TempDir(), "keydesk.anchor")}
	d.start()
	d.makeKey(d.alice)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := db.Backup(t.Context(), d.path, backup); err != nil {
		t.Fatal(err)
	}
	return d, backup
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// DUR-8, SEC-2: a backup that is made while keys are is one state of the database, for its owner only, and the root secret
// is not in it.
func TestBackupIsOneStateWhileChangesGoOn(t *testing.T) {
	d, _ := newBackup(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	done := make(chan struct{})
	var writers sync.WaitGroup
	secrets := make(chan string, 1000)
	for range 2 {
		writers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				secret := access.NewSecret(access.DefaultPrefix)
				key, err := d.CreateKey(t.Context(), d.alice, d.Secrets().Pepper.Fingerprint(secret), "")
				if err == nil {
					_, err = d.DeactivateOwnKey(t.Context(), d.alice, key.ID)
				}
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case secrets <- secret.Reveal():
				default:
				}
			}
		})
	}
	<-secrets
	made, err := db.Backup(t.Context(), d.path, backup)
	close(done)
	writers.Wait()
	d.must(err)
	info, err := os.Stat(backup)
	d.must(err)
	if info.Mode().Perm() != 0o600 || info.Size() != made.Bytes {
		t.Errorf("%v, %d bytes of %d", info.Mode(), info.Size(), made.Bytes)
	}
	if all := names(t, filepath.Dir(backup)); len(all) != 1 {
		t.Errorf("there are %q", all)
	}
	content, err := os.ReadFile(backup)
	d.must(err)
	for _, secret := range []string{d.digits, <-secrets} {
		if bytes.Contains(content, []byte(secret)) {
			t.Errorf("%.6s... is in it", secret)
		}
	}
	restored := filepath.Join(t.TempDir(), "keydesk.db")
	o := d.options()
	o.Database = restored
	r, err := db.Restore(t.Context(), backup, o)
	d.must(err)
	if r.Copied != made || !r.Verified {
		t.Errorf("backed up %+v, restored %+v", made, r)
	}
}

// DUR-8: keys and history of a restored database are those of the backup, and it goes on.
func TestRestoredDatabaseKnowsTheSameKeys(t *testing.T) {
	d, backup := newBackup(t)
	key, hash := d.makeKey(d.alice)
	gone, goneHash := d.makeKey(d.alice)
	d.deactivate(d.alice, gone.ID)
	d.must(os.Remove(backup))
	if _, err := db.Backup(t.Context(), d.path, backup); err != nil {
		t.Fatal(err)
	}
	before := d.content()
	d.close()
	d.path = filepath.Join(t.TempDir(), "keydesk.db")
	if _, err := db.Restore(t.Context(), backup, d.options()); err != nil {
		t.Fatal(err)
	}
	if all := names(t, filepath.Dir(d.path)); len(all) != 2 { // and the lock
		t.Errorf("there are %q", all)
	}
	if info, err := os.Stat(d.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if after := d.content(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	d.start()
	if d.verdict(hash) != access.Accepted || d.verdict(goneHash) != access.Deactivated {
		t.Errorf("%s is %v, %s is %v", key.ID, d.verdict(hash), gone.ID, d.verdict(goneHash))
	}
	d.sound()
	d.makeKey(d.alice)
	d.anchorHolds()
}

// DUR-8, DUR-9: a backup that is not whole, not Keydesk's, not of this root secret, or not as it was made restores nothing.
func TestBackupThatIsNotSoundIsNotRestored(t *testing.T) {
	d, backup := newBackup(t)
	whole, err := os.ReadFile(backup)
	d.must(err)
	exec := func(statement string) func() error {
		return func() error { dbtest.Exec(t, backup, statement); return nil }
	}
	rewrite := func(content []byte) func() error {
		return func() error { return os.WriteFile(backup, content, 0o600) }
	}
	middle := len(whole) / 2
	scratched := append(append(append([]byte(nil), whole[:middle]...), bytes.Repeat([]byte{0xa5}, 4096)...), whole[middle+4096:]...)
	for name, row := range map[string]struct {
		make  func() error
		want  error
		words string
	}{
		"nothing":            {func() error { return os.Remove(backup) }, fs.ErrNotExist, ""},
		"empty":              {rewrite(nil), db.ErrBackupDamaged, ""},
		"cut off":            {rewrite(whole[:len(whole)-4096]), db.ErrBackupDamaged, ""},
		"cut in a page":      {rewrite(whole[:5000]), db.ErrBackupDamaged, ""},
		"scratched":          {rewrite(scratched), db.ErrBackupDamaged, ""},
		"no database":        {rewrite(bytes.Repeat([]byte("song "), 1000)), db.ErrBackupDamaged, ""},
		"another program's":  {exec(`PRAGMA application_id = 1`), db.ErrForeign, ""},
		"newer":              {exec(newerTables + `UPDATE oldest_program SET migration = 99999`), db.ErrNewer, ""},
		"another secret":     {func() error { d.digits = access.NewRootSecret(); return nil }, db.ErrWrongSecret, ""},
		"a key brought back": {exec(`UPDATE keys SET name = 'x'`), nil, "altered"},
		"an edited entry":    {exec(`DROP TRIGGER audit_update; UPDATE audit SET detail = 'x' WHERE number = 2`), nil, "entry 2"},
		"a lost entry":       {exec(`DROP TRIGGER audit_delete; DELETE FROM audit WHERE number = 2`), db.ErrBackupDamaged, ""},
		"no checkpoint":      {exec(`DROP TRIGGER audit_head_signed; UPDATE audit_head SET checkpoint = ''`), nil, "checkpoint"},
		"a log beside it":    {func() error { return os.WriteFile(backup+"-wal", []byte("x"), 0o600) }, nil, "-wal"},
	} {
		t.Run(name, func(t *testing.T) {
			digits := d.digits
			defer func() { d.digits = digits; _ = os.Remove(backup + "-wal") }()
			d.must(os.WriteFile(backup, whole, 0o600))
			d.must(row.make())
			before, _ := os.ReadFile(backup)
			o := d.options()
			o.Database = filepath.Join(t.TempDir(), "keydesk.db")
			_, err := db.Restore(t.Context(), backup, o)
			wantLine(t, name, err, row.want, row.words, backup)
			if all := names(t, filepath.Dir(o.Database)); len(all) != 1 { // the lock
				t.Errorf("there are %q", all)
			}
			if after, _ := os.ReadFile(backup); !bytes.Equal(before, after) {
				t.Error("the backup has changed")
			}
		})
	}
}

// DUR-8: neither command writes over anything.
func TestBackupAndRestoreTakeNobodysPlace(t *testing.T) {
	d, backup := newBackup(t)
	before, err := os.ReadFile(backup)
	d.must(err)
	_, err = db.Backup(t.Context(), d.path, backup)
	wantLine(t, "back up twice", err, db.ErrThere, backup)
	if after, _ := os.ReadFile(backup); !bytes.Equal(before, after) {
		t.Error("the backup has changed")
	}
	_, err = db.Restore(t.Context(), backup, d.options())
	wantLine(t, "restore while it is served", err, db.ErrInUse, d.path)
	d.close()
	content := d.everything()
	_, err = db.Restore(t.Context(), backup, d.options())
	wantLine(t, "restore over a database", err, db.ErrOccupied, d.path)
	if d.everything() != content {
		t.Error("the database has changed")
	}
	d.must(os.Rename(d.path, d.path+".old"))
	d.must(os.WriteFile(d.path+"-wal", []byte("x"), 0o600))
	_, err = db.Restore(t.Context(), backup, d.options())
	wantLine(t, "restore beside a log", err, db.ErrOccupied, d.path+"-wal")
	_, err = db.Backup(t.Context(), filepath.Join(t.TempDir(), "none.db"), backup+"2")
	wantLine(t, "back nothing up", err, db.ErrAbsent)
	if _, err := os.Stat(backup + "2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

// What a restore that was stopped has left is in nobody's way.
func TestRestoreBeginsAnewAfterOneThatWasStopped(t *testing.T) {
	d, backup := newBackup(t)
	d.close()
	d.path = filepath.Join(t.TempDir(), "keydesk.db")
	for _, suffix := range []string{".partial", ".partial-journal", ".partial-wal"} {
		d.must(os.WriteFile(d.path+suffix, []byte("half"), 0o600))
	}
	if _, err := db.Restore(t.Context(), backup, d.options()); err != nil {
		t.Fatal(err)
	}
	if all := names(t, filepath.Dir(d.path)); len(all) != 2 {
		t.Errorf("there are %q", all)
	}
	d.start()
	d.sound()
}

func TestPostgresIsBackedUpByItsOwnMeans(t *testing.T) {
	url := pgtest.Database(t)
	_, err := db.Backup(t.Context(), url, filepath.Join(t.TempDir(), "backup"))
	wantLine(t, "back up", err, db.ErrNoBackup, "pg_dump")
	_, err = db.Restore(t.Context(), "backup", db.Options{Database: url})
	wantLine(t, "restore", err, db.ErrNoRestore, "pg_restore")
}
