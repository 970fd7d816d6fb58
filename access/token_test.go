package access_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// SES-1, AZ-6, ASVS 7.2.3: rand.Text spells 5 bits a character.
func TestTokensAreLongAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := access.NewToken()
		if 5*len(token) < 128 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
			t.Fatalf("%q has %d bits", token, 5*len(token))
		}
		seen[token] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d of 1000 tokens are distinct", len(seen))
	}
}

// SES-1, AZ-6
func TestHashIsNotTheToken(t *testing.T) {
	const token = "JBSWY3DPEHPK3PXPJBSWY3DPEH"
	want := sha256.Sum256([]byte(token))
	if got := access.HashToken(token); string(got) != string(want[:]) {
		t.Errorf("the hash is %x, want %x", got, want)
	}
	if string(access.HashToken(strings.ToLower(token))) == string(want[:]) {
		t.Error("two spellings of a token have one hash")
	}
}
