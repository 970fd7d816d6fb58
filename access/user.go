package access

import (
	"net/mail"
	"strings"
	"time"
)

const (
	maxUserIDLen = 63
	maxEmailLen  = 254 // RFC 5321, 4.5.3.1.3 with RFC 3696 erratum 1690
)

// Person is somebody with an account. Times are UTC; a zero time means never.
type Person struct {
	UserID       string // never changes
	Name         string
	Email        string // may be empty
	Role         Role
	CreatedAt    time.Time
	DisabledAt   time.Time
	LastSignInAt time.Time
	ActiveKeys   int
}

// Enabled tells whether the person can sign in.
func (p Person) Enabled() bool { return p.DisabledAt.IsZero() }

// ParseUserID returns s if it is a User ID: a lower-case letter, then up to 62 of a-z 0-9 . _ -
func ParseUserID(s string) (string, error) {
	ok := len(s) >= 1 && len(s) <= maxUserIDLen && isLower(s[0])
	for i := 1; ok && i < len(s); i++ {
		ok = isLower(s[i]) || isDigit(s[i]) || strings.IndexByte("._-", s[i]) >= 0
	}
	if !ok {
		return "", Refuse(Invalid, "user_id", "A User ID begins with a lower-case letter and goes on with up to 62 "+
			"lower-case letters, digits, dots, underscores or hyphens.")
	}
	if s == "new" || s == "export.csv" { // their pages would stand in the way of the user's
		return "", Refuse(Invalid, "user_id", "This User ID is taken by the desk itself. Please choose another.")
	}
	return s, nil
}

// ParseRole returns the role that s names.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case User, Admin:
		return r, nil
	}
	return "", Refuse(Invalid, "role", "The role is user or admin.")
}

// ParseEmail returns s in lower case if it is a bare e-mail address, or empty if s is.
func ParseEmail(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	line, err := parseLine("email", s)
	if err != nil {
		return "", err
	}
	a, err := mail.ParseAddress(line)
	if err != nil || a.Address != s || len(s) > maxEmailLen {
		return "", Refuse(Invalid, "email", "That is not an e-mail address such as alice@example.com.")
	}
	return strings.ToLower(s), nil
}
