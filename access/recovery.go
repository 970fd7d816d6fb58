package access

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// RecoveryCodes is how many recovery codes there are in a set.
const RecoveryCodes = 10

const (
	recoveryBytes    = 10 // 80 random bits, of which nobody guesses one at AccountPause (NIST SP 800-63B-4, 3.1.2.2)
	recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	recoveryGroup    = 4
)

// NewRecoveryCodes returns a set of random codes, each in four groups of four characters that are not mistaken for each
// other.
func NewRecoveryCodes() []string {
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		var random [recoveryBytes]byte
		_, _ = rand.Read(random[:]) // never fails
		text := base32.NewEncoding(recoveryAlphabet).EncodeToString(random[:])
		var groups []string
		for len(text) > 0 {
			groups, text = append(groups, text[:recoveryGroup]), text[recoveryGroup:]
		}
		codes[i] = strings.Join(groups, "-")
	}
	return codes
}

// HashRecoveryCode returns what the database keeps of a code, however it was typed: in capitals, with other spaces, or with a
// letter that looks like a digit.
func HashRecoveryCode(typed string) []byte {
	return HashToken(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\u00a0', '\u2010', '\u2011', '\u2013':
			return -1
		case 'o':
			return '0'
		case 'i', 'l':
			return '1'
		}
		return r
	}, strings.ToLower(typed)))
}
