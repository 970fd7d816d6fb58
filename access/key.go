package access

import "time"

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
	UserID        string // its owner and maker
	Name          string
	Last4         string
	CreatedAt     time.Time
	LastUsedAt    time.Time // when it was last accepted
	DeactivatedAt time.Time
	DeactivatedBy string // User ID of who did it, or Operator
	Reason        string // why, in that person's words; may be empty
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

// KeyChange tells that a key was made or deactivated by the committed change of this number.
type KeyChange struct {
	Number int64 // of the change in the audit log
	KeyID  string
	UserID string
	Status Status // since the change
}
