package access

import "time"

// SessionLimits says how long a session lasts.
type SessionLimits struct {
	Idle time.Duration // without a request
	Max  time.Duration // in all
}

// Session is a browser in which somebody is signed in.
type Session struct {
	ID        string // UUIDv7, for its owner to name it by; the cookie carries another, secret one
	CreatedAt time.Time
	SeenAt    time.Time // to the minute
	Address   string    // where it was opened from
	UserAgent string    // the browser's name for itself
}
