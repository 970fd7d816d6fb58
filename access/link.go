package access

import (
	"fmt"
	"time"
)

// LinkLife is how long a set-password or set-up link can be used.
const LinkLife = 24 * time.Hour

// LinkTold is how long after its use the owner of the account is told of a link in every browser that is new to it.
const LinkTold = 30 * 24 * time.Hour

// Link is what is kept of a single-use link. Whoever holds its token can use it, so the account's owner is told who
// issued it, and from where it was used. Times are UTC; a zero time means never.
type Link struct {
	UserID      string // whose password it sets; empty for the set-up link
	IssuedAt    time.Time
	IssuedBy    string // User ID, or Operator
	IssuedFrom  string // address; empty for the operator
	ExpiresAt   time.Time
	UsedAt      time.Time
	UsedFrom    string // address
	WithdrawnAt time.Time
}

// BeforeConfirming says of a key that its owner had not taken note of the link when it was made: whoever issued the link
// could have made the key. The entry of the key in the audit log has these words.
func (l Link) BeforeConfirming() string {
	return fmt.Sprintf("before confirming the link that %s issued on %s", l.IssuedBy, l.IssuedAt.UTC().Format("2 January 2006"))
}

// Check returns nil if the link can be used now, else a refusal that says what became of it.
func (l Link) Check(now time.Time) error {
	const anew = " Ask an administrator for a new one."
	switch {
	case !l.UsedAt.IsZero():
		return Refuse(NotFound, "token", "This link was used already: a link works once. If that was not you, tell an "+
			"administrator at once.")
	case !l.WithdrawnAt.IsZero():
		return Refuse(NotFound, "token", "This link was replaced by a newer one, or is no longer needed."+anew)
	case l.Expired(now):
		return Refuse(NotFound, "token", "This link has expired: it was good for 24 hours."+anew)
	}
	return nil
}

// Expired tells whether the link's time is over, or it was issued while the clock ran far ahead.
func (l Link) Expired(now time.Time) bool {
	return !now.Before(l.ExpiresAt) || now.Before(l.IssuedAt.Add(-LinkLife))
}
