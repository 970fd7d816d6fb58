package access

import "time"

// The sign-in throttle (NIST SP 800-63B-4, 3.2.2; ASVS 6.3.1). Nobody is locked out: an address waits, and an account
// under attack takes an attempt now and then from strangers, and any from browsers that it knows.
const (
	AddressFailures = 20               // from one network within AddressWindow, before it has to wait
	AddressWindow   = 10 * time.Minute // in which failures of a network count
	AccountFailures = 50               // of an account, before strangers have to wait
	AccountPause    = 10 * time.Second // between two attempts of strangers at such an account
	KnownBrowsers   = 20               // that an account remembers at most
)

// Attempt is a sign-in whose password was looked at.
type Attempt struct {
	SignIn
	Password string      // hash that the password was compared with; empty when there is none
	Short    bool        // of a new password: it is long enough beside a passkey only
	Passkey  *PasskeyUse // that was used; nil for none
	Recovery []byte      // hash of the recovery code that was given in the place of a passkey; nil for none
	Browser  []byte      // hash of what the browser's own cookie carries; nil when it has none
}

// StrangersWait tells whether an attempt of a stranger at an account comes too soon: the account has failed so often
// since a stranger last succeeded, and one was last looked at then. A clock that jumps to and fro lets none pass that would
// not have passed at its latest; one that was set back by more than AddressWindow makes nobody wait until then.
func StrangersWait(failures int, last, now time.Time) bool {
	return failures >= AccountFailures && now.Before(last.Add(AccountPause)) && !now.Before(last.Add(-AddressWindow))
}

// WaitForAddress returns the refusal of a sign-in from an address that has failed too often, to be tried again after
// the wait.
func WaitForAddress(wait time.Duration) error {
	return &Error{Code: TooMany, Wait: max(wait, time.Second), Message: "Too many sign-ins have failed from your network. " +
		"Please wait a few minutes, then try again."}
}
