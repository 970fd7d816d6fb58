package main

import (
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // to look around the program

	"github.com/keydesk/keydesk/db/pgtest"
)

func withPassword(t *testing.T, database, password string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}

// What the command says is all that there is to do.
func TestMoveSaysHowToGoOn(t *testing.T) {
	const hidden = "hunter2hunter2"
	d := newDesk(t)
	file, to := filepath.Join(d.dir, "keydesk.db"), pgtest.Database(t)
	alice := d.signIn("alice")
	secret, id := alice.newKey()
	gone, goneID := d.signIn("alice").newKey()
	d.signIn("root").post("/admin/keys/"+goneID+"/deactivate", url.Values{"reason": {"old"}})
	if got := d.verify(secret); got.status != http.StatusOK {
		t.Fatal(got.status)
	}
	refused(t, 1, "another keydesk process", "move", "--from="+file, "--to="+to)
	if code := d.stop(); code != 0 {
		t.Fatal(d.log)
	}
	_, report, _ := command(t, "", "export", "--database="+file)

	code, said, complaint := command(t, "", "move", "--from="+file, "--to="+withPassword(t, to, hidden))
	if code != 0 || complaint != "" {
		t.Fatal(code, complaint)
	}
	for _, words := range []string{
		"Moved 3 users and 2 keys", file + " is left as it was. Do not serve it any more", "KEYDESK_SECRET (the digits in " + secretOf(file) + ")",
	} {
		if !strings.Contains(said, words) {
			t.Errorf("it does not say %q: %s", words, said)
		}
	}
	if strings.Contains(said, hidden) || strings.Contains(said, "made up") || strings.Contains(said, "damaged") || strings.Contains(said, "texts") {
		t.Errorf("it says %s", said)
	}
	shown := regexp.MustCompile(`(?m)^    keydesk serve --database (\S+)$`).FindStringSubmatch(said)
	if shown == nil {
		t.Fatalf("it does not say how: %s", said)
	}
	digits, err := os.ReadFile(secretOf(file))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(secretVariable, strings.TrimSpace(string(digits)))
	moved := startDesk(t, t.TempDir(), "--database="+shown[1]+"?sslmode=disable")
	if got := moved.verify(secret); got.status != http.StatusOK {
		t.Errorf("the key: %d %s", got.status, got.body)
	}
	if got := moved.verify(gone); got.status != http.StatusUnauthorized || !strings.Contains(got.body, `"deactivated"`) {
		t.Errorf("the key that was deactivated: %d %s", got.status, got.body)
	}
	alice.desk.url = moved.url // whose browser has not been told
	if got := alice.get("/profile/keys/" + id + "/deactivate"); got.status != http.StatusOK {
		t.Errorf("she is not signed in any more: %d", got.status)
	}
	if _, now, _ := command(t, "", "export", "--database="+to); now != report || strings.Count(now, "\n") != 3 {
		t.Errorf("the report was\n%sand is\n%s", report, now)
	}
	refused(t, 1, "give one with nothing in it", "move", "--from="+file, "--to="+to)
	refused(t, 1, "give one with nothing in it", "move", "--from="+made(t), "--to="+to) // under another secret, too
}

func TestMoveWithTheSecretOfTheEnvironmentSaysSo(t *testing.T) {
	file := madeUp(t, "--users=2", "--keys=3")
	digits, err := os.ReadFile(secretOf(file))
	if err != nil {
		t.Fatal(err)
	}
	mustRemove(t, secretOf(file))
	to := pgtest.Database(t)
	refused(t, 1, "the root secret of this database is missing", "move", "--from="+file, "--to="+to)
	withSecret(t)
	refused(t, 1, "sealed under", "move", "--from="+file, "--to="+to)
	if n := query[int](t, to, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`); n != 0 {
		t.Errorf("%d tables were made", n)
	}
	t.Setenv(secretVariable, strings.TrimSpace(string(digits)))
	code, said, complaint := command(t, "", "move", "--from="+file, "--to="+to)
	if code != 0 || !strings.Contains(said, "KEYDESK_SECRET (as it is set here)") || !strings.Contains(said, "loopback only") {
		t.Errorf("%d %s %s", code, said, complaint)
	}
	refused(t, 1, "served on loopback only", "serve", "--addr=0.0.0.0:0", "--insecure-http", "--database="+to)
}

func TestMoveRefusesWhatCannotBe(t *testing.T) {
	file, to := made(t), pgtest.Database(t)
	foreign := made(t)
	mustMakeForeign(t, foreign)
	text := made(t)
	mustWrite(t, text, strings.Repeat("garbage ", 1000))
	before := digest(t, file)
	for _, c := range []struct{ from, to, words string }{
		{"nowhere.db", to, "--from: there is no file nowhere.db"},
		{"no/such/folder/keydesk.db", to, "--from: there is no file"},
		{"postgres://localhost/keydesk", to, "--from: give the path of an SQLite file"},
		{"/", to, "not a Keydesk database"},
		{foreign, to, "not a Keydesk database"},
		{text, to, "damaged"},
		{file, file, "--to: that is no URL"},
		{file, "mysql://localhost/keydesk", "--to: that is no URL"},
		{file, "postgres://keydesk:hunter2@db.example:port/keydesk", "--to: that is no URL"},
		{file, "postgres://keydesk:hunter2@127.0.0.1:1/keydesk", "cannot be reached: "},
		{file, strings.Replace(to, "/test_", "/nowhere_", 1), "does not exist"},
	} {
		code, out, complaint := command(t, "", "move", "--from="+c.from, "--to="+c.to)
		if code != 1 || strings.Count(complaint, "\n") != 1 || !strings.Contains(complaint, c.words) || out != "" || strings.Contains(complaint, "hunter2") {
			t.Errorf("from %s to %s: code %d, %q, %q; want %q in one line", c.from, c.to, code, out, complaint, c.words)
		}
	}
	refused(t, 2, "missing flags", "move", "--from="+file)
	refused(t, 2, "missing flags", "move", "--to="+to)
	if digest(t, file) != before || query[int](t, to, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`) != 0 {
		t.Error("something was changed")
	}
}

// Killed at whatever it is at, or stopped, it leaves a target that it can be run on again.
func TestMoveThatIsKilledIsRunAgain(t *testing.T) {
	file, to := madeUp(t, "--users=1000", "--keys=10000"), pgtest.Database(t)
	stop := func(statement string, signal os.Signal) string {
		for range 20 {
			var said buffer
			if moveUntil(t, file, to, statement, signal, &said) {
				return said.String()
			}
			to = pgtest.Database(t)
		}
		t.Fatalf("it is always faster than %s", statement)
		return ""
	}
	for _, statement := range []string{`copy "keys"%`, `CREATE INDEX keys%`, `SELECT id, user_id%`} {
		stop(statement, os.Kill)
		refused(t, 1, "there is no database yet", "export", "--database="+to)
	}
	if said := stop(`copy "keys"%`, os.Interrupt); strings.Count(said, "\n") != 1 || !strings.Contains(said, "nothing was moved") ||
		!strings.Contains(said, "it was stopped") {
		t.Errorf("stopped by a signal it says %q", said)
	}
	code, said, complaint := command(t, "", "move", "--from="+file, "--to="+to)
	if code != 0 || !strings.Contains(said, "Moved 1,000 users and 10,000 keys") {
		t.Fatal(code, said, complaint)
	}
	if n := query[int](t, to, `SELECT count(*) FROM keys`); n != 10000 {
		t.Errorf("there are %d keys", n)
	}
}

// moveUntil runs the command until the server is at a statement, sends it a signal then, and tells whether that stopped it
// before it had moved anything for good.
func moveUntil(t *testing.T, file, to, statement string, signal os.Signal, said io.Writer) (stopped bool) {
	t.Helper()
	d, err := sql.Open("pgx", to)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	p := exec.Command(os.Args[0], "move", "--from="+file, "--to="+to)
	p.Env, p.Stderr = append(os.Environ(), asProgram+"=1"), said
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("it failed by itself: %v", err)
			}
			return false
		default:
		}
		var at bool
		err := d.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'active' AND query LIKE $1)`, statement).Scan(&at)
		if err != nil {
			t.Fatal(err)
		}
		if at {
			_ = p.Process.Signal(signal)
			return <-ended != nil && movedNothing(t, d)
		}
	}
}

// movedNothing waits until the command's connections have ended, and tells whether nothing is in the database. Half of it must
// never be.
func movedNothing(t *testing.T, d *sql.DB) bool {
	t.Helper()
	ask := func(query string, into ...any) {
		t.Helper()
		if err := d.QueryRowContext(t.Context(), query).Scan(into...); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the command's connections end", func() (over bool) {
		ask(`SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND
			backend_type = 'client backend' AND pid <> pg_backend_pid())`, &over)
		return over
	})
	var tables bool
	if ask(`SELECT to_regclass('users') IS NOT NULL`, &tables); !tables {
		return true
	}
	var users, keys int
	ask(`SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM keys)`, &users, &keys)
	if all := users == 1000 && keys == 10000; !all && users+keys > 0 {
		t.Fatalf("stopped, it leaves %d users and %d keys", users, keys)
	}
	return users == 0
}
