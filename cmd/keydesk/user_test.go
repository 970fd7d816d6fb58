package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

func TestUserAddTakesThePasswordWithoutItsNewline(t *testing.T) {
	d := startDesk(t, filepath.Dir(made(t))) // made with a newline behind the password
	d.signIn("alice")
	if code, _, complaint := command(t, "short", "user", "add", "bob", "--role=user", "--password-stdin",
		"--database="+filepath.Join(t.TempDir(), "keydesk.db")); code != 1 || !strings.Contains(complaint, "15 characters") {
		t.Errorf("a short password: %d %q", code, complaint)
	}
}

// AUTH-4: what an attacker tries first is the User ID, the name and the e-mail address.
func TestUserAddRefusesAPasswordMadeOfThePerson(t *testing.T) {
	for _, typed := range []string{"roosevelt-eleanor", "eleanorroosevelt", "eroosevelt@white.example"} {
		code, _, complaint := command(t, typed, "user", "add", "eroosevelt", "--role=user", "--password-stdin",
			"--name=Eleanor Roosevelt", "--email=eroosevelt@white.example", "--database="+filepath.Join(t.TempDir(), "keydesk.db"))
		if code != 1 || !strings.Contains(complaint, "easy to guess: it is made of your name") {
			t.Errorf("%s: %d %q", typed, code, complaint)
		}
	}
}

func TestUserAddNamesTheFilesThatItMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keydesk.db")
	add := func(userID string) string {
		code, out, complaint := command(t, password, "user", "add", userID, "--role=user", "--password-stdin", "--database="+file)
		if code != 0 {
			t.Fatal(complaint)
		}
		return out
	}
	if out := add("alice"); !strings.Contains(out, "Made the database "+file+".\n") ||
		!strings.Contains(out, "Made the root secret "+secretOf(file)+". Keep it") || !strings.HasSuffix(out, "Added alice (user).\n") {
		t.Errorf("on a new database: %q", out)
	}
	if out := add("bob"); out != "Added bob (user).\n" {
		t.Errorf("on a database that is there: %q", out)
	}
	file = filepath.Join(t.TempDir(), "keydesk.db")
	t.Setenv("KEYDESK_SECRET", access.NewRootSecret())
	if out := add("alice"); out != "Made the database "+file+".\nAdded alice (user).\n" {
		t.Errorf("with the secret given: %q", out)
	}
}
