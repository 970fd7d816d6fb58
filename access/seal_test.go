package access_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

func newRoot(t *testing.T) access.RootSecret {
	t.Helper()
	root, err := access.ParseRootSecret(access.NewRootSecret())
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// KEY-4, DUR-9: the pepper is kept so.
func TestSealedValueOpensUnderItsLabelAndRootOnly(t *testing.T) {
	digits := access.NewRootSecret()
	root, err := access.ParseRootSecret(digits)
	if err != nil {
		t.Fatal(err)
	}
	again, err := access.ParseRootSecret(digits)
	if err != nil {
		t.Fatal(err)
	}
	value := []byte("64 bytes of a pepper")
	sealed := root.Seal("pepper 1", value)
	if bytes.Contains(sealed, value) {
		t.Fatal("the value stands in its seal in clear")
	}
	if got, err := again.Open("pepper 1", sealed); err != nil || !bytes.Equal(got, value) {
		t.Errorf("the same root opens %q, %v", got, err)
	}
	for _, label := range []string{"", "pepper", "pepper 2", "session 1", "pepper 1 "} {
		if got, err := root.Open(label, sealed); !errors.Is(err, access.ErrUnsealed) || got != nil {
			t.Errorf("label %q opens %q, %v", label, got, err)
		}
	}
	if got, err := newRoot(t).Open("pepper 1", sealed); !errors.Is(err, access.ErrUnsealed) || got != nil {
		t.Errorf("another root opens %q, %v", got, err)
	}
}

func TestAlteredSealDoesNotOpen(t *testing.T) {
	root := newRoot(t)
	sealed := root.Seal("pepper 1", []byte("value"))
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := root.Open("pepper 1", altered); !errors.Is(err, access.ErrUnsealed) {
			t.Errorf("byte %d altered: %v", i, err)
		}
		if _, err := root.Open("pepper 1", sealed[:i]); !errors.Is(err, access.ErrUnsealed) {
			t.Errorf("%d of %d bytes: %v", i, len(sealed), err)
		}
	}
}

func TestEqualValuesHaveDifferentSeals(t *testing.T) {
	root := newRoot(t)
	if bytes.Equal(root.Seal("pepper 1", []byte("value")), root.Seal("pepper 1", []byte("value"))) {
		t.Error("two seals of one value are the same")
	}
}

// SEC-1, SEC-5
func TestMalformedRootSecretIsRefusedUnquoted(t *testing.T) {
	digits := access.NewRootSecret()
	for name, s := range map[string]string{
		"empty":         "",
		"one short":     digits[1:],
		"one long":      digits + "0",
		"16 bytes":      digits[:32], // AES takes it
		"24 bytes":      digits[:48], // and this
		"31 bytes":      digits[2:],
		"33 bytes":      digits + "00",
		"no hex":        "g" + digits[1:],
		"space":         " " + digits[1:],
		"newline":       digits + "\n",
		"0x":            "0x" + digits[2:],
		"base64":        "3q2+7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"a passphrase":  "correct horse battery staple",
		"not UTF-8":     digits[:63] + "\xff",
		"twice as long": digits + digits,
	} {
		_, err := access.ParseRootSecret(s)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for i := 0; i+8 <= len(s); i++ {
			if strings.Contains(err.Error(), s[i:i+8]) {
				t.Errorf("%s: the error quotes %q: %v", name, s[i:i+8], err)
			}
		}
	}
}

func TestNewRootSecretsAreDistinct(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{64}$`)
	one, other := access.NewRootSecret(), access.NewRootSecret()
	if !form.MatchString(one) || !form.MatchString(other) || one == other {
		t.Errorf("got %q and %q", one, other)
	}
}

func TestRootSecretPrintsNothingOfItself(t *testing.T) {
	if got := fmt.Sprintf("%v %+v %s", newRoot(t), newRoot(t), newRoot(t)); got != "root secret root secret root secret" {
		t.Errorf("got %q", got)
	}
}

// KEY-4
func TestFingerprintIsTheHMACOfTheWholeKey(t *testing.T) {
	pepperKey := []byte("0123456789abcdef0123456789abcdef")
	secret, err := access.ParseSecret(knownKey)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pepperKey)
	mac.Write([]byte(knownKey))
	got := access.NewPepper("p1", pepperKey).Fingerprint(secret)
	if !bytes.Equal(got.Hash, mac.Sum(nil)) || got.PepperID != "p1" || got.Last4 != "QWsy" {
		t.Errorf("got %x, %s, %s", got.Hash, got.PepperID, got.Last4)
	}
	if other := access.NewPepper("p1", []byte("another")).Fingerprint(secret); bytes.Equal(other.Hash, got.Hash) {
		t.Error("two peppers give one hash")
	}
}
