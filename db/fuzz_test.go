package db_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// fuzzed opens a database with alice, who has some keys.
func fuzzed(f *testing.F) (d *db.DB, o db.Options) {
	f.Helper()
	digits := access.NewRootSecret()
	o = db.Options{Database: dbtest.NewFile(f), Now: time.Now, Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(digits) }}
	d, err := db.Open(f.Context(), o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close() })
	for _, id := range []string{"alice", "bob"} {
		if err := d.AddUser(f.Context(), access.TheOperator(), access.Person{UserID: id, Name: "Łucja \"Q\" 100%_", Role: access.User}, "x"+id); err != nil {
			f.Fatal(err)
		}
	}
	for range 5 {
		fingerprint := d.Secrets().Pepper.Fingerprint(access.NewSecret(access.DefaultPrefix))
		if _, err := d.CreateKey(f.Context(), access.Actor{UserID: "alice", Role: access.User}, fingerprint, ""); err != nil {
			f.Fatal(err)
		}
	}
	return d, o
}

// SUP-6, IO-5: wherever a list is to go on, and whatever is searched for, it is a list of some of what there is, or not found.
func FuzzLists(f *testing.F) {
	d, _ := fuzzed(f)
	alice := access.Actor{UserID: "alice", Role: access.User}
	root := access.Actor{UserID: "root", Role: access.Admin}
	keys, _, err := d.OwnKeys(f.Context(), alice, "")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][2]string{
		{"", ""}, {keys[1].ID, "a"}, {"alice", "Łucja"}, {"' OR 1=1 --", "%"}, {"\x00", "_"}, {"\xff", "\x00"}, {"-1", `\`}, {"9223372036854775808", "100%_"},
		{"alice\x00", "ALICE"}, {"0-0", "İ"}, {"1.5e3", "\u202e"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, after, text string) {
		wantFound := func(what string, n, most int, err error) {
			t.Helper()
			if err != nil && !errors.Is(err, access.ErrNotFound) && access.Refused(err, access.Invalid) == nil || n > most {
				t.Errorf("%s after %q with %q: %d, %v", what, after, text, n, err)
			}
		}
		mine, _, err := d.OwnKeys(t.Context(), alice, after)
		wantFound("keys", len(mine), 5, err)
		people, _, err := d.Users(t.Context(), root, text, after)
		wantFound("users", len(people), 2, err)
		uses, _, err := d.LastUses(t.Context(), root, after)
		wantFound("uses", len(uses), 5, err)
		changes, _, err := d.Changes(t.Context(), root, access.ChangeFilter{Person: text, Action: access.Action(after)}, 0)
		wantFound("changes", len(changes), 7, err)
	})
}

// SUP-6, DUR-8: a backup in which anything stands is refused and leaves nothing, or is a database that is as its log says.
func FuzzRestore(f *testing.F) {
	d, o := fuzzed(f)
	backup := filepath.Join(f.TempDir(), "backup.db")
	if _, err := db.Backup(f.Context(), o.Database, backup); err != nil {
		f.Fatal(err)
	}
	verifiers := d.Secrets().Verifiers
	whole, err := os.ReadFile(backup)
	if err != nil {
		f.Fatal(err)
	}
	for _, at := range []uint32{0, 16, 18, 24, 28, 56, 68, 100, 105, 4096, 20_000, 100_000, 1 << 31} {
		f.Add(at, []byte{0xff, 0, 1}, uint32(0))
	}
	f.Add(uint32(0), []byte(nil), uint32(4096))
	f.Add(uint32(0), []byte("SQLite format 4"), uint32(1))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, cut uint32) {
		content := append([]byte(nil), whole...)
		copy(content[int(at)%len(content):], patch)
		content = content[:len(content)-int(cut)%len(content)]
		file := filepath.Join(t.TempDir(), "backup.db")
		restored := o
		restored.Database = filepath.Join(t.TempDir(), "keydesk.db")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Restore(t.Context(), file, restored); err != nil {
			if _, err := os.Stat(restored.Database); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("what was refused is there: %v", err)
			}
			return
		}
		state := verifiedAt(t, restored.Database, verifiers)
		wantSound(t, state)
		if state.Keys != 5 || state.Users != 2 {
			t.Errorf("%d keys, %d users", state.Keys, state.Users)
		}
	})
}
