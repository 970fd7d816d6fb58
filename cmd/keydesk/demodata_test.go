package main

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// madeUp returns a new database of made-up people and keys.
func madeUp(t *testing.T, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keydesk.db")
	code, out, complaint := command(t, "", append([]string{"demo-data", "--database=" + file}, flags...)...)
	if code != 0 || !strings.Contains(out, "Made the database "+file) || complaint != "" {
		t.Fatal(code, out, complaint)
	}
	return file
}

// query returns the one value that a query finds.
func query[T any](t *testing.T, database, text string) (v T) {
	t.Helper()
	dbtest.Look(t, database, text, &v)
	return v
}

func TestMadeUpKeysAreRealOnes(t *testing.T) {
	secrets := filepath.Join(t.TempDir(), "keys.txt")
	file := madeUp(t, "--users=7", "--keys=205", "--secrets="+secrets, "--key-prefix=load_")
	info, err := os.Stat(secrets)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	f, err := os.Open(secrets)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d := startDesk(t, filepath.Dir(file))
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		if _, err := access.ParseSecret(lines.Text()); err != nil || !strings.HasPrefix(lines.Text(), "load_") {
			t.Errorf("line %d is no key: %v", n+1, err)
		}
		if got := d.verify(lines.Text()); got.status != 200 {
			t.Errorf("the key of line %d is answered with %d", n+1, got.status)
		}
	}
	if n != 185 || query[int](t, file, `SELECT count(*) FROM keys WHERE deactivated_at IS NOT NULL`) != 20 {
		t.Errorf("there are %d active keys", n)
	}
	if query[int](t, file, `SELECT count(*) FROM users`) != 7 {
		t.Error("there are not 7 users")
	}
}

func TestMadeUpDataMayBeFollowedByPeople(t *testing.T) {
	file := madeUp(t, "--users=2", "--keys=3")
	code, out, complaint := command(t, password, "user", "add", "root", "--role=admin", "--password-stdin", "--database="+file)
	if code != 0 {
		t.Fatal(out, complaint)
	}
	d := startDesk(t, filepath.Dir(file))
	if page := d.signIn("root").get("/admin/users"); !strings.Contains(page.body, "ada.ampere") {
		t.Errorf("the users are %s", page.body)
	}
	if page := d.signIn("root").get("/admin/history?tab=changes"); !strings.Contains(page.body, "2 users, 3 keys") {
		t.Error("the audit log does not tell of it")
	}
}

func TestMadeUpDataIsServedOnLoopbackOnly(t *testing.T) {
	file := madeUp(t, "--users=1", "--keys=1")
	const words = "served on loopback only"
	refused(t, 1, words, "serve", "--addr=0.0.0.0:0", "--insecure-http", "--database="+file)
	refused(t, 1, words, "serve", "--addr=127.0.0.1:0", "--base-url=https://keys.example.com", "--database="+file)
	refused(t, 1, words, "serve", "--addr=127.0.0.1:0", "--verify-addr=0.0.0.0:0", "--insecure-http", "--database="+file)
	d := startDesk(t, filepath.Dir(file))
	if got := d.visitor().get("/login"); got.status != 200 {
		t.Errorf("on loopback: %d", got.status)
	}
}

func TestDataIsMadeUpInANewDatabaseOnly(t *testing.T) {
	file := made(t)
	before := digest(t, file)
	fill := []string{"demo-data", "--users=1", "--keys=1", "--database=" + file}
	refused(t, 1, "data is made up in a new one only", fill...)
	if digest(t, file) != before {
		t.Error("the file was changed")
	}
	mustWrite(t, file, "hello\n")
	refused(t, 1, "damaged", fill...)
}

func TestDataThatCannotBeMadeUpLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	file, secrets := filepath.Join(folder, "keydesk.db"), filepath.Join(folder, "keys.txt")
	mustWrite(t, secrets, "mine\n")
	fill := []string{"demo-data", "--users=5", "--keys=50", "--database=" + file, "--secrets=" + secrets}
	refused(t, 1, "there is a file "+secrets+" already", fill...)
	refused(t, 1, "--secrets: ", append(fill, "--secrets="+filepath.Join(folder, "none", "keys.txt"))...)
	refused(t, 1, "--secrets: there is a file", append(fill, "--secrets="+file)...) // the database itself
	given, cancel := context.WithCancel(t.Context())
	cancel()
	mustRemove(t, secrets)
	if code := run(given, fill, stdio{nil, new(buffer), new(buffer)}); code != 1 {
		t.Errorf("given up: %d", code)
	}
	for _, name := range []string{file, file + "-wal", secrets} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

func TestMadeUpDataHasBounds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keydesk.db")
	for flags, words := range map[string]string{
		"--users=0 --keys=1": "--users must be", "--users=-1 --keys=1": "--users must be", "--users=1 --keys=-1": "--keys between",
		"--users=999999999 --keys=1": "--users must be", "--users=1 --keys=999999999": "--keys between",
		"--users=1 --keys=1 --key-prefix=KD": "--key-prefix",
	} {
		refused(t, 1, words, append([]string{"demo-data", "--database=" + file}, strings.Fields(flags)...)...)
	}
	refused(t, 2, "missing flags", "demo-data", "--database="+file)
	refused(t, 2, "--keys", "demo-data", "--users=1", "--keys=many", "--database="+file)
	refused(t, 2, "--seed", "demo-data", "--users=1", "--keys=1", "--seed=-1", "--database="+file)
	if !missing(file) {
		t.Error("a database was made")
	}
}
