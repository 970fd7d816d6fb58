package access

import (
	"crypto/hmac"
	"crypto/sha256"
)

// HashLen is how many bytes the hash of an API key has.
const HashLen = sha256.Size

// Fingerprint is what is kept of an API key: enough to recognise it, too little to make it.
type Fingerprint struct {
	Hash     []byte // HMAC-SHA-256 of the whole key under the pepper
	PepperID string
	Last4    string
}

// Pepper is the secret under which API keys are hashed. It is sealed in the database, so that who reads the database
// has no key and who writes it cannot add one for a string of their choice (NIST SP 800-63B-4, 3.1.1.2).
type Pepper struct {
	ID  string
	key *[]byte // a pointer, so that fmt prints an address
}

// NewPepper returns the pepper with this id and key.
func NewPepper(id string, key []byte) Pepper { return Pepper{ID: id, key: &key} }

// Fingerprint returns what is kept of s. A slow hash would add nothing: s has 190 random bits.
func (p Pepper) Fingerprint(s Secret) Fingerprint {
	mac := hmac.New(sha256.New, *p.key)
	mac.Write([]byte(s.Reveal()))
	return Fingerprint{Hash: mac.Sum(nil), PepperID: p.ID, Last4: s.Last4()}
}
