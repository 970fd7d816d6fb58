package access

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// SigningSeedLen is how many bytes a signing key is made from.
const SigningSeedLen = ed25519.SeedSize

// NewSigningKey returns what signs the checkpoints of the log of this origin, and the public key that verifies them, as
// note spells it. The seed is SigningSeedLen random bytes.
func NewSigningKey(origin string, seed []byte) (signer note.Signer, verifier string, err error) {
	public := ed25519.PublicKey(ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:]) // RFC 8032's form: the seed, then this
	if verifier, err = note.NewEd25519VerifierKey(origin, public); err != nil {
		return nil, "", err
	}
	const ed25519Key = 1 // as note numbers its algorithms
	_, rest, _ := strings.Cut(verifier, "+")
	hash, _, _ := strings.Cut(rest, "+")
	signer, err = note.NewSigner("PRIVATE+KEY+" + origin + "+" + hash + "+" +
		base64.StdEncoding.EncodeToString(append([]byte{ed25519Key}, seed...)))
	return signer, verifier, err
}

// ParseVerifiers reads public keys as note spells them. Its error says which one is none, and never quotes it: it may be a
// secret that was given in its place.
func ParseVerifiers(keys []string) (note.Verifiers, error) {
	var list []note.Verifier
	for i, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("number %d is no public key of an audit log, such as `keydesk audit key` prints", i+1)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}
