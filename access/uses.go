package access

import (
	"sync"
	"time"
)

// Uses gathers when keys were accepted, to be written in batches. It grows by one entry a key that exists, and is safe
// for concurrent use. The zero value is ready.
type Uses struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// Add notes that the key was accepted at this time.
func (u *Uses) Add(keyID string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[string]time.Time{}
	}
	if at.After(u.last[keyID]) {
		u.last[keyID] = at
	}
}

// Take returns the latest use of each key since the last Take, by key id.
func (u *Uses) Take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.last
	u.last = nil
	return taken
}

// Return puts back what could not be written.
func (u *Uses) Return(taken map[string]time.Time) {
	for keyID, at := range taken {
		u.Add(keyID, at)
	}
}
