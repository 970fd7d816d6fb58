package access

import (
	"fmt"
	"time"
)

// Status tells whether a key is accepted.
type Status string

// The statuses of a key. Inactive is final.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
)

// ParseStatus reads a status filter; empty means every status.
func ParseStatus(s string) (Status, error) {
	switch status := Status(s); status {
	case "", Active, Inactive:
		return status, nil
	}
	return "", Refuse(Invalid, "status", "Status is active or inactive, or left out for both.")
}

// Key is the record kept of an API key, never the key itself. Times are UTC; a zero time means never.
type Key struct {
	ID            string // UUIDv7
	Number        int64  // counts the keys from 1, in the order in which they were kept
	UserID        string // its owner and maker
	Name          string
	Last4         string
	CreatedAt     time.Time
	LastUsedAt    time.Time // when it was last accepted
	DeactivatedAt time.Time
	DeactivatedBy string // User ID of who did it, or Operator
	Reason        string // why, in that person's words; may be empty
	Unconfirmed   string // what Link.BeforeConfirming says of it; empty when its owner knew of all their links
}

// Masked returns the masked key.
func (k Key) Masked() string { return Mask(k.Last4) }

// Status returns whether the key is accepted.
func (k Key) Status() Status {
	if k.DeactivatedAt.IsZero() {
		return Active
	}
	return Inactive
}

// AgeDays returns the whole days of 24 h from creation to now, never below 0.
func (k Key) AgeDays(now time.Time) int {
	return max(0, int(now.Sub(k.CreatedAt)/(24*time.Hour)))
}

// KeyIDLen is how many characters the id of a key has: it is a UUID.
const KeyIDLen = 36

// KeyLimits says how many keys a user may have and make; 0 means no limit.
type KeyLimits struct {
	Active    int // at once
	PerMinute int // made within any 60 seconds
}

// Check returns nil if one more key is within the limits, for who has so many active ones and made so many in the last
// minute, else a refusal that says what to do.
func (l KeyLimits) Check(active, recent int) error {
	if l.Active > 0 && active >= l.Active {
		return Refuse(Clashes, "", fmt.Sprintf("You have as many active keys as one user may have here (%d). No key was "+
			"made: first deactivate one that you no longer need.", l.Active))
	}
	if l.PerMinute > 0 && recent >= l.PerMinute {
		return &Error{Code: TooMany, Wait: time.Minute, Message: fmt.Sprintf("You have made keys as fast as one user may here "+
			"(%d a minute). No key was made: please try again in a minute.", l.PerMinute)}
	}
	return nil
}

// ChangeRate is how often a minute a person may rename keys or say something of the help: each is kept for ever.
const ChangeRate = 120

// TooFast refuses what a person does faster than that.
func TooFast() error {
	return &Error{Code: TooMany, Wait: time.Minute, Message: "That was changed very often within a minute. Nothing was " +
		"changed: please try again in a minute."}
}

// KeyChange tells that a key was made or deactivated by the committed change of this number.
type KeyChange struct {
	Number  int64 // of the change in the audit log; 0 when it is told what was read
	KeyID   string
	Key     int64 // the key's number
	UserID  string
	Hash    [HashLen]byte
	Last4   string
	Status  Status // since the change; empty while nobody knows whether it was committed, or somebody does not know of it
	Request string // the name of the request that asked for it; may be empty
}
