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
	for _, r := range maskSecrets(strings.ToValidUTF8(s, "�")) {
		if n--; n < 0 {
			break
		}
		if refusedRune(r) != "" {
			r = unicode.ReplacementChar
		}
		out.WriteRune(r)
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
	for _, r := range s {
		if kind := refusedRune(r); kind != "" {
			return "", Refuse(Invalid, field, fmt.Sprintf("Please leave out %s (U+%04X).", kind, r))
		}
	}
	if maskSecrets(s) != s {
		return "", Refuse(Invalid, field, "That holds an API key. It would be kept here in clear: leave it out.")
	}
	return s, nil
}

// refusedRune says what kind of character r is if it could hide, reorder or break text (Trojan Source, 2021), else "".
func refusedRune(r rune) string {
	switch {
	case unicode.IsControl(r):
		return "the control character"
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x200E, r == 0x200F, r == 0x061C:
		return "the character that changes the direction of text"
	case r >= 0x200B && r <= 0x200D, r >= 0x2060 && r <= 0x206F, r == 0xFEFF, r == 0x00AD, r >= 0x180B && r <= 0x180E,
		r == 0x034F, r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x2800, r >= 0xFFF9 && r <= 0xFFFB:
		return "the invisible character"
	case r == 0x2028, r == 0x2029:
		return "the line separator"
	case r >= 0xFDD0 && r <= 0xFDEF, r&0xFFFE == 0xFFFE:
		return "the noncharacter"
	case r >= 0xE0000 && r <= 0xE0FFF:
		return "the invisible character"
	}
	return ""
}
