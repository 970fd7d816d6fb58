package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// restored returns a folder with the root secret of the desk, and the database that is restored from the backup.
func (d *desk) restored(backup string, keep ...string) string {
	d.t.Helper()
	dir := d.t.TempDir()
	for _, name := range append(keep, "keydesk.secret") {
		content, err := os.ReadFile(filepath.Join(d.dir, name))
		if err != nil {
			d.t.Fatal(err)
		}
		mustWrite(d.t, filepath.Join(dir, name), string(content))
	}
	code, out, complaint := command(d.t, "", "restore", backup, "--database="+filepath.Join(dir, "keydesk.db"))
	if code != 0 || !strings.Contains(out, "audit log was verified") {
		d.t.Fatalf("restore: %d %s %s", code, out, complaint)
	}
	return dir
}

// backup backs the database up while the desk serves.
func (d *desk) backup() string {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "backup.db")
	code, out, complaint := command(d.t, "", "backup", file, "--database="+filepath.Join(d.dir, "keydesk.db"))
	if code != 0 || !strings.Contains(out, "3 users") {
		d.t.Fatalf("backup: %d %s %s", code, out, complaint)
	}
	return file
}

// DUR-8, DUR-10: on a clean host every key is what it was, once it is accepted that nothing knows what was deactivated since.
func TestRestoreOnACleanHostKnowsTheSameKeys(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice")
	want := map[string]string{}
	for i := range 12 {
		secret, id := v.newKey()
		if i%3 == 0 {
			v.post("/profile/keys/"+id+"/deactivate", nil)
		}
		want[secret] = d.verify(secret).body
	}
	dir := d.restored(d.backup())
	d.stop()
	database := filepath.Join(dir, "keydesk.db")
	refused(t, exitFailure, "--accept-loss missing-anchor", "serve", "--addr=127.0.0.1:0", "--database="+database)
	again := startDesk(t, dir, "--accept-loss=missing-anchor")
	for secret, body := range want {
		if got := again.verify(secret); got.body != body {
			t.Errorf("was %s, is %s", body, got.body)
		}
	}
	if got := again.visitorWith(v).get("/profile").status; got == http.StatusOK {
		t.Error("a session of before is still open")
	}
	again.signIn("alice").newKey()
	if code := again.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	startDesk(t, dir) // needs no flag any more
}

// visitorWith returns a visitor of this desk with the cookies of another.
func (d *desk) visitorWith(v *visitor) *visitor { return &visitor{v.Client, d} }

// DUR-10: a key that was deactivated since the backup is dead before the first question is answered.
func TestRestoredDeskHasDeactivatedKeysAgain(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice")
	secret, id := v.newKey()
	kept, _ := v.newKey()
	backup := d.backup()
	if got := v.post("/profile/keys/"+id+"/deactivate", nil); got.status != http.StatusSeeOther {
		t.Fatal(got.status)
	}
	want := d.verify(secret).body
	d.stop()
	again := startDesk(t, d.restored(backup, "keydesk.anchor"))
	if got := again.verify(secret); got.status != http.StatusUnauthorized || got.body != want {
		t.Errorf("%d %s, but it was %s", got.status, got.body, want)
	}
	if got := again.verify(kept); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !strings.Contains(again.log.String(), "1 key was deactivated again") {
		t.Errorf("the log: %s", again.log)
	}
}

// DUR-9, DUR-10: each command that writes is refused as serve is, with one line, and changes nothing.
func TestEveryCommandIsRefusedBehindTheAnchor(t *testing.T) {
	file := made(t)
	old := filepath.Join(t.TempDir(), "keydesk.db")
	code, _, complaint := command(t, "", "backup", old, "--database="+file)
	if code != 0 {
		t.Fatal(complaint)
	}
	if code, _, complaint := command(t, password, "user", "add", "bob", "--role=user", "--password-stdin", "--database="+file); code != 0 {
		t.Fatal(complaint)
	}
	content, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, file, string(content)) // around the program
	for _, command := range [][]string{
		{"serve", "--addr=127.0.0.1:0"},
		{"user", "reset", "alice"},
		{"user", "disable", "alice"},
		{"user", "add", "carol", "--role=user", "--password-stdin"},
	} {
		refused(t, exitFailure, "1 × add user", append(command, "--database="+file)...)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(content) {
		t.Errorf("the database has changed: %v", err)
	}
}

func TestBackupAndRestoreSayWhatIsWrongInOneLine(t *testing.T) {
	file := made(t)
	backup := filepath.Join(t.TempDir(), "backup.db")
	if code, out, complaint := command(t, "", "backup", backup, "--database="+file); code != 0 || !strings.Contains(out, "1 user, 0 keys, up to change 1,") {
		t.Fatal(out, complaint)
	}
	elsewhere := "--database=" + filepath.Join(t.TempDir(), "keydesk.db")
	for name, row := range map[string]struct {
		words string
		args  []string
	}{
		"over a file":          {"never written over", []string{"backup", backup, "--database=" + file}},
		"of nothing":           {"no database yet", []string{"backup", backup + "2", elsewhere}},
		"of PostgreSQL":        {"pg_dump", []string{"backup", backup + "2", "--database=postgres://keydesk@127.0.0.1:1/keydesk"}},
		"into no folder":       {"there is no folder " + backup + " for the backup", []string{"backup", filepath.Join(backup, "x"), "--database=" + file}},
		"into a new folder":    {"there is no folder " + backup + "2 for the backup; make it first", []string{"backup", filepath.Join(backup+"2", "x"), "--database=" + file}},
		"a damaged one":        {"this backup is damaged, or is none of Keydesk; take another one", []string{"restore", secretOf(file), elsewhere}},
		"to PostgreSQL":        {"pg_restore", []string{"restore", backup, "--database=postgres://keydesk@127.0.0.1:1/keydesk"}},
		"over a database":      {"move the file", []string{"restore", backup, "--database=" + file}},
		"from nothing":         {"there is no file", []string{"restore", backup + "2", elsewhere}},
		"without a secret":     {"root secret of this database is missing", []string{"restore", backup, elsewhere}},
		"an anchor nowhere":    {"no folder", []string{"serve", "--anchor=" + filepath.Join(filepath.Dir(backup), "x", "y"), "--database=" + file}},
		"the database as that": {"is the database", []string{"serve", "--anchor=" + file, "--database=" + file}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, exitFailure, row.words, row.args...) })
	}
	mustWrite(t, filepath.Join(filepath.Dir(backup), "other.secret"), access.NewRootSecret()+"\n")
	refused(t, exitFailure, "not the one that this database was sealed under", "restore", backup, elsewhere,
		"--secret-file="+filepath.Join(filepath.Dir(backup), "other.secret"))
}
