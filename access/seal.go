package access

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
)

// RootSecretLen is the length of the root secret in bytes.
const RootSecretLen = 32

// ErrUnsealed says that a sealed value does not open: another root secret sealed it, or it was altered.
var ErrUnsealed = errors.New("sealed value does not open with this root secret")

// RootSecret seals what is random and kept in the database: the pepper and the session key. It never prints.
type RootSecret struct{ aead cipher.AEAD }

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
			"`openssl rand -hex 32` makes one")
	}
	if repeats(key) {
		return RootSecret{}, errors.New("the root secret is an example, not a random one; `openssl rand -hex 32` makes one")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return RootSecret{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return RootSecret{}, err
	}
	return RootSecret{aead}, nil
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
	return r.aead.Seal(nil, nil, value, []byte(label))
}

// Open returns what Seal sealed under the same label, or ErrUnsealed.
func (r RootSecret) Open(label string, sealed []byte) ([]byte, error) {
	value, err := r.aead.Open(nil, nil, sealed, []byte(label))
	if err != nil {
		return nil, ErrUnsealed
	}
	return value, nil
}

// String prints nothing of the secret.
func (RootSecret) String() string { return "root secret" }
