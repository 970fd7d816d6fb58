package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"

	"github.com/keydesk/keydesk/access"
)

// rotated runs keydesk secret with these arguments on the database, and returns what it says.
func rotated(t *testing.T, file string, args ...string) string {
	t.Helper()
	code, said, complaint := command(t, "", append(append([]string{"secret"}, args...), "--database="+file)...)
	if code != 0 {
		t.Fatalf("secret %q: %s", args, complaint)
	}
	return said
}

// SEC-2, SEC-5: the command says what it did and what is still in use, and never a secret.
func TestRotationSaysWhatItDidAndWhatIsInUse(t *testing.T) {
	d := newDesk(t)
	file := filepath.Join(d.dir, "keydesk.db")
	before, alice := contentOf(t, secretOf(file)), d.signIn("alice")
	alice.newKey()
	_, id := alice.newKey()
	said := rotated(t, file, "rotate")
	for _, want := range []string{
		"root secret: a new one is in " + secretOf(file) + "; 3 secrets are sealed under it", secretOf(file) + ".previous: keep it",
		"pepper: new keys are hashed under ", "session key: new cookies ", "signing key: the audit log is signed by keydesk/",
		"2 active keys; goes with the last\n", "for new keys; 0 active keys under it\n", "seals all 6\n",
		"opens its cookies; goes after ", "for new cookies", "verifies what it signed, for ever", "signs the audit log",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	until(t, "the server tells of the new secrets", func() bool {
		return strings.Contains(d.log.String(), `"level":"INFO","msg":"new secrets are in use","of":"root, pepper, session, signing"`)
	})
	alice.post("/profile/keys/"+id+"/deactivate", nil)
	list := rotated(t, file, "list")
	if !strings.Contains(list, "1 active key; goes") || strings.Count(list, "\n") != 8 {
		t.Errorf("the list is\n%s", list)
	}
	for line := range strings.Lines(list) {
		if len(line) > 80+len("\n") {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	if said := rotated(t, file, "rotate", "pepper"); strings.Contains(said, "root secret:") || strings.Contains(said, "cookies are") ||
		strings.Count(said, "\npepper ") != 3 {
		t.Errorf("of the pepper it says\n%s", said)
	}
	for _, digits := range []string{before, contentOf(t, secretOf(file))} {
		if strings.Contains(said+list+d.log.String(), strings.TrimSpace(digits)) {
			t.Error("a root secret is printed")
		}
	}
	refused(t, 1, "keydesk.secret.previous is there", "secret", "rotate", "root", "--database="+file)
	mustRemove(t, secretOf(file))
	if list := rotated(t, file, "list"); !strings.Contains(list, "not known\n") || !strings.Contains(list, "\nThe root secret was not read: "+secretOf(file)) {
		t.Errorf("without the root secret the list is\n%s", list)
	}
}

// SEC-1, SEC-2, DUR-9: without the right secrets nothing is rotated, and one line says what is missing.
func TestRotationWithoutTheRightSecretsIsRefused(t *testing.T) {
	file := made(t)
	content := contentOf(t, secretOf(file))
	digits, next := strings.TrimSpace(content), access.NewRootSecret()
	before := digest(t, file)
	for _, c := range []struct{ secret, previous, words string }{
		{next, "", "the one in use until now with KEYDESK_SECRET_PREVIOUS"},
		{next, access.NewRootSecret(), "the one in use until now with KEYDESK_SECRET_PREVIOUS; nothing was changed"},
		{next, next, "the same"},
		{digits, strings.ToUpper(digits), "the same"},
		{next, "abcd", "KEYDESK_SECRET_PREVIOUS: the root secret must be 64 hex digits"},
		{next, strings.Repeat("ab", 32), "KEYDESK_SECRET_PREVIOUS: the root secret is an example"},
		{"abcd", digits, "KEYDESK_SECRET: the root secret must be 64 hex digits"},
	} {
		t.Setenv(secretVariable, c.secret)
		t.Setenv(previousVariable, c.previous)
		if c.previous == "" {
			_ = os.Unsetenv(previousVariable)
		}
		refused(t, 1, c.words, "secret", "rotate", "--database="+file)
		refused(t, 1, c.words, "secret", "rotate", "root", "--database="+file)
	}
	if digest(t, file) != before || contentOf(t, secretOf(file)) != content {
		t.Error("something was changed")
	}
	t.Setenv(secretVariable, next)
	t.Setenv(previousVariable, digits)
	if list := rotated(t, file, "list"); !strings.Contains(list, "seals 0; the previous one 3: rotate root\n") {
		t.Errorf("the list is\n%s", list)
	}
	if said := rotated(t, file, "rotate", "root"); !strings.Contains(said, "3 secrets are sealed under the one in KEYDESK_SECRET") {
		t.Errorf("it says %s", said)
	}
	if said := rotated(t, file, "rotate", "root"); !strings.Contains(said, "sealed under the new one already") {
		t.Errorf("a second time it says %s", said)
	}
	_ = os.Unsetenv(previousVariable)
	rotated(t, file, "rotate", "session")
	t.Setenv(secretVariable, digits)
	if list := rotated(t, file, "list"); !strings.Contains(list, "does not open 4 of 4: a wrong one\n") {
		t.Errorf("the list is\n%s", list)
	}
	refused(t, 1, "the root secret in KEYDESK_SECRET does not open "+file+": the root secret is not the one that this database was sealed under", "secret", "rotate", "session", "--database="+file)
}

func TestWrongRotationIsRefused(t *testing.T) {
	file := made(t)
	refused(t, 1, "there is no database yet", "secret", "rotate", "--database="+file+".other")
	refused(t, 1, "there is no database yet", "secret", "list", "--database="+file+".other")
	refused(t, 2, "", "secret", "rotate", "salt", "--database="+file)
	refused(t, 1, "KEYDESK_SECRET or --secret-file", "secret", "rotate", "--database=postgres://nobody@127.0.0.1:1/none")
	// Another command than serve may move or replace the database meanwhile.
	lock := flock.New(file + ".lock")
	if held, err := lock.TryLock(); err != nil || !held {
		t.Fatal(held, err)
	}
	defer func() { _ = lock.Unlock() }()
	refused(t, 1, "another keydesk process", "secret", "rotate", "--database="+file)
}

// contentOf returns what is in a file.
func contentOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// AUD-3, DUR-10: a rotation that no server was there for is in the anchor too, or a database of before it would pass.
func TestRotationWithoutAServerIsInTheAnchor(t *testing.T) {
	for _, what := range []string{"root", "signing"} {
		file := made(t)
		rotated(t, file, "rotate", what)
		checkpoint := strings.Split(printed(t, "audit", "checkpoint", "--database="+file), "\n")
		anchor, err := os.ReadFile(strings.TrimSuffix(file, ".db") + ".anchor")
		if err != nil {
			t.Fatal(err)
		}
		if root := checkpoint[2]; !strings.Contains(string(anchor), root) {
			t.Errorf("%s: the anchor does not have the root %s of the rotation", what, root)
		}
	}
}
