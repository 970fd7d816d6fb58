package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

// NewToken returns a random text of at least 128 bits (ASVS 7.2.3) that nobody guesses: the id of a session, a browser
// or a request, the token of a link, the once of a form.
func NewToken() string { return rand.Text() }

// HashToken returns what the database keeps of a token that opens something.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// HashOnce returns what the database keeps of a form's once, which could be anything that somebody sent.
func HashOnce(once string) string {
	sum := sha256.Sum256([]byte(once))
	return hex.EncodeToString(sum[:])
}
