package access

import "time"

// Change is an entry of the audit log: one change, written in the transaction that made it.
type Change struct {
	Number  int64 // without gaps, in the order of commits
	At      time.Time
	Actor   string // User ID, Operator or System
	Address string // where the actor's request came from; may be empty
	Action  Action
	UserID  string // whom it is about
	KeyID   string // which key; may be empty
	Last4   string // of that key
	Detail  string // what else there is to say, such as the reason
	Traces  string // what it made of rows, as FormatTraces writes it; read for the log's own sake only
}

// Unconfirmed tells whether the change made a key before its owner had taken note of a link for the account.
func (c Change) Unconfirmed() bool { return c.Action == CreateKey && c.Detail != "" }

// Outcome is how a sign-in ended.
type Outcome string

// The outcomes of signing in and out.
const (
	SignedIn      Outcome = "signed in"
	WrongPassword Outcome = "wrong password"
	UserUnknown   Outcome = "unknown user"
	UserDisabled  Outcome = "account disabled"
	NoPassword    Outcome = "no password set yet"
	Throttled     Outcome = "too many attempts"
	AwaitsPasskey Outcome = "password right, passkey awaited"
	WrongPasskey  Outcome = "wrong passkey or recovery code"
	Confirmed     Outcome = "identity confirmed" // again, within a session
	SignOut       Outcome = "signed out"
)

// UnknownUser stands for a name that is no User ID of this desk: people type passwords there, so it is not kept.
const UnknownUser = "(unknown)"

// SignIn is an entry of the sign-in history.
type SignIn struct {
	Number    int64
	At        time.Time
	UserID    string // or UnknownUser
	Address   string
	UserAgent string
	Means     Means // empty for who signs out, and for what was written before this was kept
	Outcome   Outcome
}

// ChangeFilter says which entries of the audit log are asked for; what is empty leaves none out.
type ChangeFilter struct {
	Person      string // who did it, or whom it is about
	Action      Action
	From, Until time.Time // from the one, and before the other
}
