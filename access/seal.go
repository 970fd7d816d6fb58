package access

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
)

// RootSecretLen is the length of the root secret in bytes.
const RootSecretLen = 32

// ErrUnsealed says that a sealed value does not open: another root secret sealed it, or it was altered.
var ErrUnsealed = errors.New("sealed value does not open with this root secret")

// RootSecret seals what is random and kept in the database: peppers, session keys and signing keys. It may open what former
// ones have sealed, too. It never prints.
type RootSecret struct{ aeads []cipher.AEAD } // the first of them seals

// NewRootSecret returns a random root secret as 64 hex digits.
func NewRootSecret() string {
	key := make([]byte, RootSecretLen)
	_, _ = rand.Read(key) // never fails
	return hex.EncodeToString(key)
}

// ParseRootSecret reads 64 hex digits. It refuses what repeats itself: that is an example, such as a page of
// documentation shows, and no random number. Its error never quotes the digits.
func ParseRootSecret(digits string) (RootSecret, error) {
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != RootSecretLen {
		return RootSecret{}, errors.New("the root secret must be 64 hex digits (32 bytes); " +
			"`openssl rand -hex 32` makes one for a new database, and one that is there needs its own: put that back")
	}
	if repeats(key) {
		return RootSecret{}, errors.New("the root secret is an example, not a random one; `openssl rand -hex 32` makes one for a new database")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return RootSecret{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return RootSecret{}, err
	}
	return RootSecret{[]cipher.AEAD{aead}}, nil
}

// repeats tells whether the bytes are one part, of at most half of them, again and again.
func repeats(key []byte) bool {
	for n := 1; n <= len(key)/2; n++ {
		if bytes.Equal(key[n:], key[:len(key)-n]) {
			return true
		}
	}
	return false
}

// Seal encrypts value with AES-256-GCM. The label is authenticated: a sealed value opens under its own label only.
func (r RootSecret) Seal(label string, value []byte) []byte {
	return r.aeads[0].Seal(nil, nil, value, []byte(label))
}

// Open returns what Seal sealed under the same label, or ErrUnsealed.
func (r RootSecret) Open(label string, sealed []byte) ([]byte, error) {
	for _, aead := range r.aeads {
		if value, err := aead.Open(nil, nil, sealed, []byte(label)); err == nil {
			return value, nil
		}
	}
	return nil, ErrUnsealed
}

// After returns the root secret as one that also opens what the former one opens.
func (r RootSecret) After(former RootSecret) RootSecret {
	return RootSecret{slices.Concat(r.aeads, former.aeads)}
}

// Newest returns the root secret without the former ones.
func (r RootSecret) Newest() RootSecret { return RootSecret{r.aeads[:1]} }

// Opening returns the one of the root secrets that opens the value, alone.
func (r RootSecret) Opening(label string, sealed []byte) (RootSecret, error) {
	for _, aead := range r.aeads {
		if one := (RootSecret{[]cipher.AEAD{aead}}); one.opens(label, sealed) {
			return one, nil
		}
	}
	return RootSecret{}, ErrUnsealed
}

func (r RootSecret) opens(label string, sealed []byte) bool {
	_, err := r.Open(label, sealed)
	return err == nil
}

// String prints nothing of the secret.
func (RootSecret) String() string { return "root secret" }
