package access

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// DefaultPrefix begins the API keys of a desk that configures no prefix of its own.
const DefaultPrefix = "kd_"

const (
	base62        = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomLen     = 32 // base62 characters: 190 bits
	checksumLen   = 6  // base62 characters hold the 32 bits of a CRC-32
	last4Len      = 4
	minPrefixLen  = 3
	maxPrefixLen  = 13
	secretTailLen = randomLen + checksumLen
)

// ErrMalformed says that a string is no API key: its form or its checksum is wrong.
var ErrMalformed = errors.New("not a well-formed API key")

// Secret is a full API key. It exists in memory for one response and prints as its masked form, however it is
// formatted, so that no log line, error or panic can quote it. The pointer is for fmt, which passes Format by where a
// Secret stands in an unexported field: there it prints an address.
type Secret struct{ full *string }

// NewSecret returns a fresh API key with the prefix given: 32 random base62 characters, then the CRC-32 (IEEE) of all
// that stands before as 6 more. The format follows GitHub's of 2021. It panics on a prefix that CheckPrefix refuses.
func NewSecret(prefix string) Secret {
	if err := CheckPrefix(prefix); err != nil {
		panic(err)
	}
	body := prefix + randomBase62()
	sum := checksum(body)
	full := body + string(sum[:])
	return Secret{&full}
}

// ParseSecret returns the API key that s spells, or ErrMalformed. It accepts any well-formed prefix and exactly one
// spelling of a key, and touches nothing but s.
func ParseSecret(s string) (Secret, error) {
	cut := len(s) - secretTailLen
	if cut < minPrefixLen || CheckPrefix(s[:cut]) != nil {
		return Secret{}, ErrMalformed
	}
	for i := cut; i < len(s); i++ {
		if c := s[i]; !isDigit(c) && !isLower(c) && !isUpper(c) {
			return Secret{}, ErrMalformed
		}
	}
	body := s[:len(s)-checksumLen]
	if sum := checksum(body); string(sum[:]) != s[len(body):] {
		return Secret{}, ErrMalformed
	}
	return Secret{&s}, nil
}

// CheckPrefix returns an error with a sentence unless prefix can begin an API key: a lower-case letter, 1 to 11
// letters or digits, an underscore.
func CheckPrefix(prefix string) error {
	n := len(prefix)
	ok := n >= minPrefixLen && n <= maxPrefixLen && prefix[n-1] == '_' && isLower(prefix[0])
	for i := 1; ok && i < n-1; i++ {
		ok = isLower(prefix[i]) || isDigit(prefix[i])
	}
	if !ok {
		return fmt.Errorf("a key prefix is a lower-case letter, 1 to 11 lower-case letters or digits, and an "+
			"underscore, such as %s; %q is not", DefaultPrefix, prefix)
	}
	return nil
}

// Reveal returns the full key. Four callers exist: the answer that shows it once, Pepper.Fingerprint, Hasher.Hash, and the
// file that `keydesk demo-data` makes for load tests.
func (s Secret) Reveal() string {
	if s.full == nil {
		return ""
	}
	return *s.full
}

// Last4 returns the last 4 characters, the only part that is kept in clear.
func (s Secret) Last4() string {
	full := s.Reveal()
	return full[max(0, len(full)-last4Len):]
}

// Masked returns the masked form.
func (s Secret) Masked() string { return Mask(s.Last4()) }

// Format prints the masked form for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Masked()) }

// MarshalText returns the masked form, so that no encoder or structured log can hold the key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Masked()), nil }

// Mask returns the masked key: 8 asterisks and the last 4 characters, the same on pages, in reports and in logs.
func Mask(last4 string) string { return "********" + last4 }

// MaskSecrets returns text with every API key in it masked.
func MaskSecrets(text string) string {
	var out strings.Builder
	for at := 0; at < len(text); at++ {
		if text[at] != '_' || len(text)-at-1 < secretTailLen {
			continue
		}
		end := at + 1 + secretTailLen
		for start := max(0, at+1-maxPrefixLen); start <= at+1-minPrefixLen; start++ {
			if secret, err := ParseSecret(text[start:end]); err == nil {
				out.WriteString(text[:start] + secret.Masked())
				text, at = text[end:], -1
				break
			}
		}
	}
	return out.String() + text
}

// HoldsSecret tells whether an API key stands anywhere in the text, which is then kept nowhere and passed on to nobody.
func HoldsSecret(text string) bool { return MaskSecrets(text) != text }

// randomBase62 draws by rejection: of 256 byte values the 248 lowest map onto 62 characters evenly (ASVS 11.5.1).
func randomBase62() string {
	const fair = 256 - 256%len(base62)
	out := make([]byte, 0, randomLen)
	var buf [randomLen]byte
	for len(out) < randomLen {
		_, _ = rand.Read(buf[:]) // never fails: crypto/rand ends the program rather than return an error
		for _, b := range buf {
			if int(b) < fair && len(out) < randomLen {
				out = append(out, base62[int(b)%len(base62)])
			}
		}
	}
	return string(out)
}

func checksum(body string) (out [checksumLen]byte) {
	sum := crc32.ChecksumIEEE([]byte(body))
	for i := checksumLen - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return out
}

func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
func isDigit(b byte) bool { return '0' <= b && b <= '9' }
func isUpper(b byte) bool { return 'A' <= b && b <= 'Z' }
