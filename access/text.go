package access

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxNameLen   = 64  // code points, and so at most 256 bytes
	maxReasonLen = 300 // code points
)

// ParseName returns s trimmed and normalised (NFC) if it can name a key or a person: at most 64 characters, all of
// them visible. It may be empty.
func ParseName(s string) (string, error) {
	s, err := parseLine("name", s)
	if err != nil {
		return "", err
	}
	if utf8.RuneCountInString(s) > maxNameLen {
		return "", Refuse(Invalid, "name", "A name has at most 64 characters.")
	}
	return s, nil
}

// ParseReason returns s trimmed and normalised (NFC): why an administrator does something. It must not be empty.
func ParseReason(s string) (string, error) {
	s, err := parseLine("reason", s)
	if err != nil {
		return "", err
	}
	if s == "" {
		return "", Refuse(Invalid, "reason", "Please say why: the owner of the key will read it.")
	}
	if utf8.RuneCountInString(s) > maxReasonLen {
		return "", Refuse(Invalid, "reason", "A reason has at most 300 characters.")
	}
	return s, nil
}

// Printable returns at most n code points of s with every character that does not print replaced and every API key
// masked, for what comes from outside unasked, such as a browser's name for itself.
func Printable(s string, n int) string {
	var out strings.Builder
	var before rune
	for _, r := range MaskSecrets(strings.ToValidUTF8(s, "�")) {
		if n--; n < 0 {
			break
		}
		if refusedRune(before, r) != "" {
			r = unicode.ReplacementChar
		}
		out.WriteRune(r)
		before = r
	}
	return out.String()
}

// Fold returns the form of a text in which a search compares: trimmed, normalised (NFC), in lower case.
func Fold(s string) string { return strings.ToLower(strings.TrimSpace(norm.NFC.String(s))) }

func parseLine(field, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", Refuse(Invalid, field, "This is not valid UTF-8 text.")
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	var before rune
	for _, r := range s {
		if kind := refusedRune(before, r); kind != "" {
			return "", Refuse(Invalid, field, fmt.Sprintf("Please leave out %s (U+%04X).", kind, r))
		}
		before = r
	}
	if HoldsSecret(s) {
		return "", Refuse(Invalid, field, "That holds an API key. It would be kept here in clear: leave it out.")
	}
	return s, nil
}

// refusedRune says what kind of character r is if it could hide, reorder or break text (Trojan Source, 2021), else "".
// The one before it tells whether a variation selector has something to vary, as in an emoji.
func refusedRune(before, r rune) string {
	switch {
	case unicode.IsControl(r):
		return "the control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "the character that changes the direction of text"
	case r == 0x2028, r == 0x2029:
		return "the line separator"
	case unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "the noncharacter"
	case r == 0xFE0E, r == 0xFE0F:
		if unicode.In(before, unicode.S, unicode.N, unicode.P) {
			return ""
		}
		return "the invisible character"
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // formats, and is seen
		return ""
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector),
		r == 0x2800, r == 0xFFFC: // the blank of Braille, and the place of what is not text
		return "the invisible character"
	}
	return ""
}
