package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// withSecret has the program take a new root secret from its environment, and returns it.
func withSecret(t *testing.T) string {
	t.Helper()
	secret := access.NewRootSecret()
	t.Setenv(secretVariable, secret)
	return secret
}

// SEC-1: what is wrong with a database is one clear line of every command, and the password is never in it.
func TestPostgresThatCannotBeUsedIsOneLineWithoutThePassword(t *testing.T) {
	withSecret(t)
	const hidden = "hunter2hunter2"
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	there, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	port := there.Host
	for _, c := range []struct{ words, database string }{
		{"no URL", "postgres://keydesk:" + hidden + "@[::1/keydesk"},
		{"no URL", "postgres://keydesk:" + hidden + "%zz@db.example/keydesk"},
		{"no URL", "postgres://keydesk:" + hidden + "@db.example:port/keydesk"},
		{"no URL", "postgres://keydesk:" + hidden + "@db.example/keydesk?sslmode=perhaps"},
		{"no URL", "postgresql://keydesk:" + hidden + "@db.example/keydesk?connect_timeout=soon"},
		{"connection refused", "postgres://keydesk:" + hidden + "@" + silent.Addr().String() + "/keydesk"},
		{"does not exist", "postgres://nobody:" + hidden + "@" + port + "/keydesk?sslmode=disable"},
		{"does not exist", "postgres://" + there.User.Username() + ":" + hidden + "@" + port + "/nowhere?sslmode=disable"},
		{"unrecognized", "postgres://" + there.User.Username() + ":" + hidden + "@" + port + there.Path + "?sslmode=disable&color=red"},
		{"there is no mysql here", "mysql://keydesk:" + hidden + "@db.example/keydesk"},
	} {
		for _, args := range [][]string{
			{"serve", "--addr=127.0.0.1:0"}, {"export"}, {"user", "list"}, {"user", "disable", "alice"},
			{"user", "add", "alice", "--role=user", "--password-stdin"},
		} {
			code, out, complaint := command(t, password, append(args, "--database="+c.database)...)
			if code != 1 || strings.Count(complaint, "\n") != 1 || !strings.Contains(complaint, c.words) || out != "" {
				t.Errorf("%v of %s: code %d, %q, %q; want %q in one line", args, c.database, code, out, complaint, c.words)
			}
			if strings.Contains(complaint, "hunter2") {
				t.Errorf("%v tells the password: %s", args, complaint)
			}
		}
	}
}

// An instance is never given a secret of its own: the others would not know its keys.
func TestPostgresNeedsTheRootSecretOfAllInstances(t *testing.T) {
	if value, set := os.LookupEnv(secretVariable); set {
		t.Setenv(secretVariable, value) // puts it back
		if err := os.Unsetenv(secretVariable); err != nil {
			t.Fatal(err)
		}
	}
	database := pgtest.Database(t)
	add := []string{"user", "add", "alice", "--role=user", "--password-stdin", "--database=" + database}
	refused(t, 1, secretVariable, add...)
	refused(t, 1, secretVariable, "serve", "--addr=127.0.0.1:0", "--database="+database)
	refused(t, 1, "there is no database yet", "export", "--database="+database)

	file := filepath.Join(t.TempDir(), "secret")
	refused(t, 1, "secret", append(add, "--secret-file="+file)...)
	mustWrite(t, file, access.NewRootSecret()+"\n")
	code, out, complaint := command(t, password, append(add, "--secret-file="+file)...)
	if code != 0 || !strings.Contains(out, "Added alice") || strings.Contains(out, "Made the root secret") {
		t.Fatalf("%d %s %s", code, out, complaint)
	}
	withSecret(t)
	refused(t, 1, "not the one that this database was sealed under", "serve", "--addr=127.0.0.1:0", "--database="+database)
	refused(t, 1, "not the one that this database was sealed under", "user", "disable", "alice", "--database="+database)
}

// The desk is the same on PostgreSQL, and the operator's commands run beside it.
func TestDeskRunsOnPostgres(t *testing.T) {
	withSecret(t)
	database := "--database=" + pgtest.Database(t)
	for id, role := range map[string]string{"alice": "user", "root": "admin"} {
		code, _, complaint := command(t, password, "user", "add", id, "--role="+role, "--password-stdin", database)
		if code != 0 {
			t.Fatal(complaint)
		}
	}
	one, other := startDesk(t, t.TempDir(), database), startDesk(t, t.TempDir(), database)
	secret, id := one.signIn("alice").newKey()
	if n := strings.Count(one.log.String(), `"key":"`+id+`","user":"alice","status":"active"`); n != 1 || strings.Contains(other.log.String(), id) {
		t.Errorf("the new key is logged %d times: %s%s", n, one.log, other.log)
	}
	for _, d := range []*desk{one, other} {
		if got := d.verify(secret); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
	code, out, complaint := command(t, "", "export", database)
	if code != 0 || strings.Count(out, "alice,********"+secret[len(secret)-4:]+",active,0,") != 1 {
		t.Errorf("%d %s %s", code, out, complaint)
	}
	if code, _, complaint := command(t, "", "user", "disable", "alice", database); code != 0 {
		t.Error(complaint)
	}
	for _, d := range []*desk{one, other} {
		if got := d.verify(secret); got.status != http.StatusUnauthorized || !strings.Contains(got.body, `"deactivated"`) {
			t.Errorf("after it was disabled: %d %s", got.status, got.body)
		}
		if code := d.stop(); code != 0 {
			t.Errorf("the end: %d %s", code, d.log)
		}
	}
}

// While instances are upgraded one by one, those of the version before go on with the new tables, for as long as these say
// that they may.
func TestOlderInstanceServesUntilTheTablesSayThatItMayNot(t *testing.T) {
	withSecret(t)
	database := pgtest.Database(t)
	code, _, complaint := command(t, password, "user", "add", "alice", "--role=user", "--password-stdin", "--database="+database)
	if code != 0 {
		t.Fatal(complaint)
	}
	older := startDesk(t, t.TempDir(), "--database="+database)
	secret, _ := older.signIn("alice").newKey()
	dbtest.Exec(t, database, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	dbtest.Exec(t, database, `ALTER TABLE keys ADD COLUMN expires_at BIGINT`)
	v := older.signIn("alice")
	other, id := v.newKey()
	if got := v.post("/profile/keys/"+id+"/deactivate", nil); got.status != http.StatusSeeOther {
		t.Errorf("deactivate: %d", got.status)
	}
	for key, want := range map[string]int{secret: http.StatusOK, other: http.StatusUnauthorized} {
		if got := older.verify(key); got.status != want {
			t.Errorf("%d %s, want %d", got.status, got.body, want)
		}
	}
	again := startDesk(t, t.TempDir(), "--database="+database) // one of them is started again meanwhile
	if code := again.stop(); code != 0 {
		t.Errorf("the end: %d %s", code, again.log)
	}

	dbtest.Exec(t, database, `UPDATE oldest_program SET migration = 99999`)
	eventually(t, func() bool { return strings.Contains(older.log.String(), "newer keydesk") })
	if code := older.stop(); code != 1 {
		t.Errorf("the end: %d %s", code, older.log)
	}
	refused(t, 1, "the database was made by a newer keydesk", "serve", "--addr=127.0.0.1:0", "--database="+database)
}
