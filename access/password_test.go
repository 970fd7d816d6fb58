package access_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// AUTH-1, AUTH-3
func TestPasswordMatchesItsHashOnly(t *testing.T) {
	parsed, err := access.ParsePassword("correct horse caf\u00e9")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := access.HashPassword(parsed)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "horse") {
		t.Errorf("the hash is %s", hash)
	}
	for _, row := range []struct {
		name, typed string
		want        bool
	}{
		{"the same", "correct horse caf\u00e9", true},
		{"typed decomposed", "correct horse cafe\u0301", true},
		{"another case", "Correct horse caf\u00e9", false},
		{"one character more", "correct horse caf\u00e9 ", false},
		{"one character less", "correct horse caf", false},
		{"no accent", "correct horse cafe", false},
		{"empty", "", false},
		{"the hash itself", hash, false},
	} {
		if got, err := access.PasswordMatches(row.typed, hash); err != nil || got != row.want {
			t.Errorf("%s: %t, %v", row.name, got, err)
		}
	}
}

// AUTH-2: all of 128 characters count.
func TestLongPasswordIsNotCut(t *testing.T) {
	long := strings.Repeat("é", 128)
	hash, err := access.HashPassword(long)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := access.PasswordMatches(long, hash); err != nil || !ok {
		t.Errorf("the whole: %t, %v", ok, err)
	}
	if ok, err := access.PasswordMatches(long[:len(long)-2]+"e", hash); err != nil || ok {
		t.Errorf("another last character: %t, %v", ok, err)
	}
}

// AUTH-1
func TestEqualPasswordsHaveDifferentHashes(t *testing.T) {
	one, err := access.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if other, err := access.HashPassword("correct horse battery"); err != nil || other == one {
		t.Errorf("got %s twice, %v", other, err)
	}
}

// AUTH-5
func TestWithoutAHashNoPasswordMatches(t *testing.T) {
	for _, typed := range []string{"", "correct horse battery", strings.Repeat("\x00", 32)} {
		if ok, err := access.PasswordMatches(typed, ""); err != nil || ok {
			t.Errorf("%q: %t, %v", typed, ok, err)
		}
	}
}

// SEC-5: a hash that somebody spoilt is an error that quotes neither it nor the password.
func TestSpoiltHashIsAnErrorWithoutIt(t *testing.T) {
	const password = "correct horse battery"
	for _, hash := range []string{"spoilt", password, "$argon2id$v=19$m=19456,t=2,p=1$!!!$!!!", "$2a$10$abcdefghijk"} {
		ok, err := access.PasswordMatches(password, hash)
		if err == nil || ok {
			t.Errorf("%q: %t, %v", hash, ok, err)
		} else if strings.Contains(err.Error(), hash) || strings.Contains(err.Error(), password) {
			t.Errorf("%q: quoted by %v", hash, err)
		}
	}
}

// AUTH-1: a hash of other parameters, weaker or stronger, is made anew.
func TestHashOfOtherParametersIsOutdated(t *testing.T) {
	today, err := access.HashPassword("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for hash, want := range map[string]bool{
		today: false,
		strings.Replace(today, "m=19456", "m=4096", 1):  true,
		strings.Replace(today, "m=19456", "m=65536", 1): true,
		strings.Replace(today, "t=2", "t=1", 1):         true,
		strings.Replace(today, "p=1", "p=4", 1):         true,
		"":                                              false, "spoilt": false, // these match no password, so there is never one at hand
	} {
		if got := access.OutdatedHash(hash); got != want {
			t.Errorf("%q is outdated: %t", hash, got)
		}
	}
}
