package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// Hasher returns the hashes of API keys, one after the other, without allocating. It is not safe for concurrent use.
type Hasher struct {
	mac    hash.Hash
	secret []byte
	sum    [HashLen]byte
}

// Hasher returns a hasher of this pepper.
func (p Pepper) Hasher() *Hasher { return &Hasher{mac: hmac.New(sha256.New, *p.key)} }

// Hash returns the hash that Fingerprint has of s. It is overwritten by the next one.
func (h *Hasher) Hash(s Secret) *[HashLen]byte {
	h.secret = append(h.secret[:0], s.Reveal()...)
	h.mac.Reset()
	h.mac.Write(h.secret)
	h.mac.Sum(h.sum[:0])
	clear(h.secret)
	return &h.sum
}
