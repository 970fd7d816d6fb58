package access

import "time"

// OtherCallers stands for the callers of a key that are one too many for a day. No service is called so.
const OtherCallers = "(other)"

// DayCallers is how many callers of a key are told apart on a day.
const DayCallers = 20

// UseDays is how many days of uses are shown, today included.
const UseDays = 14

// Use is what a caller did with a key on a day, or since it was last written down. Times are UTC.
type Use struct {
	Key      int64     // the key's number
	Day      time.Time // midnight
	Service  string    // what the gateway says it is; empty when it says nothing
	Address  string    // IP address; empty of OtherCallers
	Accepted int64
	Refused  int64     // after the key was deactivated
	LastAt   time.Time // of either
	UsedAt   time.Time // the last time it was accepted; zero when it never was
}

// And returns two uses by one caller as one.
func (u Use) And(other Use) Use {
	u.Accepted += other.Accepted
	u.Refused += other.Refused
	if other.LastAt.After(u.LastAt) {
		u.LastAt = other.LastAt
	}
	if other.UsedAt.After(u.UsedAt) {
		u.UsedAt = other.UsedAt
	}
	return u
}

// KeyUses is what is known of the uses of a key.
type KeyUses struct {
	Key     Key
	Days    []Use // of the last UseDays days, by day and caller, the latest first
	Last    Use   // the latest that was accepted; zero when none is kept
	Refused Use   // all that is kept from since the key was deactivated, as one, without its callers
}

// LastAt returns when the key was last accepted, or refused in the days that are shown; zero when it was neither.
func (u KeyUses) LastAt() time.Time {
	last := u.Key.LastUsedAt
	for _, use := range u.Days {
		if use.LastAt.After(last) {
			last = use.LastAt
		}
	}
	return last
}

// Day returns the midnight that began the day of a time, in UTC.
func Day(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// ParseService returns the name of a calling service: 1 to 64 ASCII letters, digits and . _ - / : or else OtherCallers,
// so that whatever is sent is kept as no more than that. Nothing stays nothing.
func ParseService(s string) string {
	if s == "" {
		return ""
	}
	ok := len(s) <= maxNameLen
	for i := 0; ok && i < len(s); i++ {
		b := s[i]
		ok = isLower(b) || isDigit(b) || 'A' <= b && b <= 'Z' || b == '.' || b == '_' || b == '-' || b == '/' || b == ':'
	}
	if !ok || HoldsSecret(s) {
		return OtherCallers
	}
	return s
}
