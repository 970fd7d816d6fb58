package access

import (
	"errors"
	"time"
)

// Code says what kind of refusal an Error is. Each front end maps it to its own answer in one place.
type Code int

// The kinds of refusal.
const (
	Invalid   Code = iota + 1 // what was typed is not acceptable
	NotFound                  // not there, or not yours: nobody can tell which
	Denied                    // your role may not
	SignedOut                 // nobody is signed in
	Clashes                   // it contradicts what is there already
	Busy                      // the desk cannot answer now; nothing was changed
	TooMany                   // too often, or too many; nothing was changed
	Unproven                  // who asks has to prove again who they are
	NoPasskey                 // who asks has to have a passkey first
)

// Error is a refusal with a sentence written for the person who reads it. Any other error is the desk's own fault,
// whose cause belongs in the log and never on a page.
type Error struct {
	Code    Code
	Field   string // the form field it is about; may be empty
	Message string
	Wait    time.Duration // after which it may be tried again; 0 when waiting does not help
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Message }

// Refuse returns an *Error as an error.
func Refuse(code Code, field, message string) error {
	return &Error{Code: code, Field: field, Message: message}
}

// Refused returns the refusal in err's chain if there is one of this code, else nil.
func Refused(err error, code Code) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == code {
		return e
	}
	return nil
}

// What became of a change that failed for a reason of the desk's own.
var (
	ErrUnsaved = errors.New("nothing was changed")
	ErrUnsure  = errors.New("whether it was changed is not known")
)

// ErrNotFound is the one refusal for what is not there and for what belongs to somebody else.
var ErrNotFound = Refuse(NotFound, "", "There is nothing here, or it is not yours.")
