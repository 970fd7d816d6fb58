package main

import (
	"crypto/sha256"
	"database/sql"
	"encoding/csv"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// made returns a database file with the user alice.
func made(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keydesk.db")
	if code, _, complaint := command(t, password+"\n", "user", "add", "alice", "--role=user", "--password-stdin", "--database="+file); code != 0 {
		t.Fatal(complaint)
	}
	return file
}

// refused fails unless the command ends with the code and one line that has the words.
func refused(t *testing.T, code int, words string, args ...string) {
	t.Helper()
	got, out, complaint := command(t, password, args...)
	if got != code || strings.Count(complaint, "\n") != 1 || !strings.Contains(complaint, words) || out != "" {
		t.Errorf("%v: code %d, %q, %q; want code %d and %q in one line", args, got, out, complaint, code, words)
	}
}

func TestWrongCommandLinesAndSettingsAreOneLine(t *testing.T) {
	for _, c := range []struct {
		code  int
		words string
		args  string
	}{
		{2, "expected one of", ""},
		{2, "unknown flag --bogus", "serve --bogus"},
		{2, "unknown flag --accept-loss", "restore backup.db --accept-loss missing-anchor"},
		{2, "unexpected argument bogus", "bogus"},
		{2, "missing flags", "user add x"},
		{2, "`keydesk --help` tells more", "bogus"},
		{2, "`keydesk user --help` tells more", "user bogus"},
		{2, "`keydesk user add --help` tells more", "user add x"},
		{2, "`keydesk user add --help` tells more", "user add x --bogus"},
		{2, "`keydesk serve --help` tells more", "serve --bogus"},
		{2, "must be one of", "user add x --role=boss --password-stdin"},
		{1, "--log-level", "serve --log-level=loud"},
		{1, "--key-prefix", "serve --key-prefix=BAD"},
		{1, "--session-idle", "serve --session-idle=soon"},
		{1, "--session-idle", "serve --session-idle=2h --session-max=1h"},
		{1, "not an address", "serve --addr=nonsense"},
		{1, "put TLS in front", "serve --addr=0.0.0.0:0"},
		{1, "loopback only", "serve --demo --insecure-http --addr=0.0.0.0:0"},
		{1, "--base-url", "serve --base-url=ftp://example.com"},
		{1, "put TLS in front", "serve --base-url=http://keys.example.com"},
		{1, "loopback only", "serve --demo --base-url=https://keys.example.com"},
		{1, "there is no mysql here", "serve --database=mysql://localhost/x"},
		{1, "there is no folder no/such/folder;", "serve --addr=127.0.0.1:0 --database=no/such/folder/keydesk.db"},
		{1, "there is no folder no/such/folder;", "user add bob --role=user --password-stdin --database=no/such/folder/keydesk.db"},
		{1, "there is no folder no/such/folder;", "user disable bob --database=no/such/folder/keydesk.db"},
		{1, "there is no folder no/such/folder;", "export --database=no/such/folder/keydesk.db"},
		{1, "not a Keydesk database", "serve --addr=127.0.0.1:0 --database=/"},
		{1, "A User ID begins", "user add Alice --role=user --password-stdin"},
		{1, "not valid UTF-8", "user add bob --role=user --name=\xff --password-stdin"},
		{1, "there is no database yet", "user list --database=nowhere.db"},
	} {
		refused(t, c.code, c.words, strings.Fields(c.args)...)
	}
}

func TestWrongEnvironmentIsASetting(t *testing.T) {
	t.Setenv("KEYDESK_INSECURE_HTTP", "perhaps")
	refused(t, 1, "KEYDESK_INSECURE_HTTP", "serve")
}

func TestTakenPortSaysHowToChooseAnother(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "keydesk.db")
	t.Setenv("MAKELEVEL", "1") // as make does
	refused(t, 1, "make run ADDR=127.0.0.1:8081", "serve", "--addr="+taken.Addr().String(), "--database="+file)
	t.Setenv("MAKELEVEL", "")
	refused(t, 1, "choose another with --addr, such as --addr 127.0.0.1:8081\n", "serve", "--addr="+taken.Addr().String(), "--database="+file)
	if _, err := os.Stat(file); err == nil {
		t.Error("a database was made")
	}
}

func TestWhatCannotBeOpenedIsLeftAsItWas(t *testing.T) {
	spoil := map[string]struct {
		words string
		spoil func(t *testing.T, file string)
	}{
		"garbage":   {"damaged", func(t *testing.T, file string) { mustWrite(t, file, strings.Repeat("garbage ", 1000)) }},
		"cut":       {"damaged", func(t *testing.T, file string) { mustTruncate(t, file, 9000) }},
		"text":      {"damaged", func(t *testing.T, file string) { mustWrite(t, file, "hello\n") }},
		"foreign":   {"not a Keydesk database", func(t *testing.T, file string) { mustMakeForeign(t, file) }},
		"no secret": {"root secret of this database is missing", func(t *testing.T, file string) { mustRemove(t, secretOf(file)) }},
		"wrong secret": {"not the one that this database was sealed under", func(t *testing.T, file string) {
			mustWrite(t, secretOf(file), access.NewRootSecret()+"\n")
		}},
		"short secret": {"64 hex digits", func(t *testing.T, file string) { mustWrite(t, secretOf(file), "abcd\n") }},
	}
	for name, s := range spoil {
		t.Run(name, func(t *testing.T) {
			file := made(t)
			s.spoil(t, file)
			before := digest(t, file)
			refused(t, 1, s.words, "serve", "--addr=127.0.0.1:0", "--database="+file)
			refused(t, 1, s.words, "user", "add", "bob", "--role=user", "--password-stdin", "--database="+file)
			if digest(t, file) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func TestSecretOfTheEnvironmentGoesFirst(t *testing.T) {
	file := made(t)
	t.Setenv("KEYDESK_SECRET", strings.Repeat("ab", 32))
	refused(t, 1, "an example", "serve", "--addr=127.0.0.1:0", "--database="+file)
	t.Setenv("KEYDESK_SECRET", access.NewRootSecret())
	refused(t, 1, "sealed under", "serve", "--addr=127.0.0.1:0", "--database="+file)
	t.Setenv("KEYDESK_SECRET", "")
	refused(t, 1, "64 hex digits", "serve", "--addr=127.0.0.1:0", "--database="+file)
	digits, err := os.ReadFile(secretOf(file))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEYDESK_SECRET", strings.TrimSpace(string(digits)))
	mustRemove(t, secretOf(file))
	d := startDesk(t, filepath.Dir(file))
	d.signIn("alice").newKey()
	if _, err := os.Stat(secretOf(file)); err == nil {
		t.Error("a secret file was made though the secret was given")
	}
}

// DUR-11
func TestOneProcessWrites(t *testing.T) {
	d := newDesk(t)
	file := filepath.Join(d.dir, "keydesk.db")
	refused(t, 1, "another keydesk process", "serve", "--addr=127.0.0.1:0", "--database="+file)
	refused(t, 1, "another keydesk process", "user", "add", "carol", "--role=user", "--password-stdin", "--database="+file)
	link := filepath.Join(t.TempDir(), "other.db")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	refused(t, 1, "another keydesk process", "serve", "--addr=127.0.0.1:0", "--database="+link, "--secret-file="+secretOf(file))
}

// keydesk export and user list read beside the running server; the report is the page's, byte for byte.
func TestReportOfTheCommandIsThatOfThePage(t *testing.T) {
	d := newDesk(t)
	secret, id := d.signIn("alice").newKey()
	d.signIn("bob").newKey()
	d.signIn("alice").newKey()
	root := d.signIn("root")
	root.post("/admin/keys/"+id+"/deactivate", map[string][]string{"reason": {"old"}})
	page := root.get("/admin/users/export.csv")
	code, printed, complaint := command(t, "", "export", "--database="+filepath.Join(d.dir, "keydesk.db"))
	if code != 0 || printed != page.body {
		t.Errorf("export: %d %q\n%s\nbut the page has\n%s", code, complaint, printed, page.body)
	}
	rows, err := csv.NewReader(strings.NewReader(printed)).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][1] != "********"+secret[len(secret)-4:] || rows[1][2] != "inactive" {
		t.Errorf("report: %v %v", rows, err)
	}
	_, active, _ := command(t, "", "export", "--status=active", "--database="+filepath.Join(d.dir, "keydesk.db"))
	if strings.Count(active, "\r\n") != 3 || strings.Contains(active, "inactive") {
		t.Errorf("active keys: %q", active)
	}
	_, users, _ := command(t, "", "user", "list", "--database="+filepath.Join(d.dir, "keydesk.db"))
	if strings.Count(users, "\n") != 4 || !strings.Contains(users, "alice") {
		t.Errorf("user list: %q", users)
	}
}

func TestTermDrainsAndWritesDownTheLastUse(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.signIn("alice").newKey()
	used := time.Now()
	if got := d.verify(secret); got.status != http.StatusOK {
		t.Fatal(got.status)
	}
	if code := d.stop(); code != 0 { // within the second in which uses are gathered
		t.Errorf("ended with %d: %s", code, d.log.String())
	}
	_, report, _ := command(t, "", "export", "--database="+filepath.Join(d.dir, "keydesk.db"))
	rows, err := csv.NewReader(strings.NewReader(report)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatal(rows, err)
	}
	if last, err := time.Parse(time.RFC3339, rows[1][4]); err != nil || used.Sub(last) > 2*time.Second || last.Sub(used) > 2*time.Second {
		t.Errorf("last used %q, but it was %s: %v", rows[1][4], used, err)
	}
}

func secretOf(file string) string { return filepath.Join(filepath.Dir(file), "keydesk.secret") }

func digest(t *testing.T, file string) [32]byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

func mustTruncate(t *testing.T, file string, size int64) {
	t.Helper()
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
}

func mustRemove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

func mustMakeForeign(t *testing.T, file string) {
	t.Helper()
	mustRemove(t, file)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE songs (name TEXT)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
