package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// SessionLimits says how long a session lasts.
type SessionLimits struct {
	Idle time.Duration // without a request
	Max  time.Duration // in all
}

// NewSessionID returns an opaque session id of at least 128 random bits (ASVS 7.2.3). Only its hash is kept.
func NewSessionID() string { return rand.Text() }

// HashSessionID returns what the database keeps of a session id.
func HashSessionID(id string) []byte {
	sum := sha256.Sum256([]byte(id))
	return sum[:]
}

// NewOnce returns the random, single-use value of one form.
func NewOnce() string { return rand.Text() }

// HashOnce returns what the database keeps of a form's once, which could be anything that somebody sent.
func HashOnce(once string) string {
	sum := sha256.Sum256([]byte(once))
	return hex.EncodeToString(sum[:])
}

// NewRequestID returns the random name of a request, which stands on its error page and its log lines.
func NewRequestID() string { return rand.Text() }
