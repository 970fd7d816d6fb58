package access

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const maxFeedbackLen = 1000 // code points

// Feedback is what somebody says of the help.
type Feedback struct {
	UserID  string
	At      time.Time
	Helpful bool
	Text    string // may be empty
}

// Tally is how many people found the help helpful, and how many did not.
type Tally struct{ Yes, No int }

// ParseFeedback returns a text of several lines, each normalised as a name is, without two empty ones in a row. It may
// be empty.
func ParseFeedback(s string) (string, error) {
	lines := strings.Split(strings.TrimSpace(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", " ").Replace(s)), "\n")
	for i, line := range lines {
		var err error
		if lines[i], err = parseLine("text", line); err != nil {
			return "", err
		}
	}
	s = strings.Join(slices.CompactFunc(lines, func(a, b string) bool { return a == "" && b == "" }), "\n")
	if utf8.RuneCountInString(s) > maxFeedbackLen {
		return "", Refuse(Invalid, "text", "Please use at most 1,000 characters.")
	}
	return s, nil
}
