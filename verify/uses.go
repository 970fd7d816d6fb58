package verify

import (
	"slices"
	"sync"
	"time"

	"github.com/keydesk/keydesk/access"
)

const (
	secondsOfDay = 24 * 60 * 60

	shards    = 64
	mostPairs = 1 << 10 // callers of keys that a shard tells apart between two batches; the rest of a key's are one
)

// Uses counts who used which key, to be written in batches. It takes a lock for a moment only, and grows by one entry a
// key that exists and is used, whatever is sent. It is safe for concurrent use. The zero value is ready.
type Uses struct {
	shards [shards]shard
}

type shard struct {
	mu    sync.Mutex
	count map[caller]tally
}

// caller is who used a key on a day.
type caller struct {
	number           uint32 // of the key
	day              int32  // since 1970
	service, address string
}

type tally struct {
	accepted, refused int64
	last, used        int64 // microseconds
}

// Add notes that a key was accepted for a caller, or refused because it was deactivated. The service is what
// access.ParseService returns.
func (u *Uses) Add(key Key, verdict access.Verdict, service, address string, at time.Time) {
	t := tally{last: at.UnixMicro()}
	if verdict == access.Accepted {
		t.accepted, t.used = 1, t.last
	} else {
		t.refused = 1
	}
	u.add(caller{number: key.number, day: int32(at.Unix() / secondsOfDay), service: service, address: address}, t)
}

func (u *Uses) add(c caller, t tally) {
	s := &u.shards[c.number%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == nil {
		s.count = map[caller]tally{}
	}
	known, ok := s.count[c]
	if !ok && len(s.count) >= mostPairs {
		c.service, c.address = access.OtherCallers, ""
		known = s.count[c]
	}
	s.count[c] = tally{
		accepted: known.accepted + t.accepted, refused: known.refused + t.refused,
		last: max(known.last, t.last), used: max(known.used, t.used),
	}
}

// Len returns how many callers of keys are counted at the moment.
func (u *Uses) Len() (n int) {
	for i := range u.shards {
		s := &u.shards[i]
		s.mu.Lock()
		n += len(s.count)
		s.mu.Unlock()
	}
	return n
}

// Take returns what was counted since the last Take, by key and day. Of the callers of a key on a day the busiest are
// told apart.
func (u *Uses) Take() []access.Use {
	var all []counted
	for i := range u.shards {
		s := &u.shards[i]
		s.mu.Lock()
		count := s.count
		s.count = make(map[caller]tally, len(count)) // the next time is much like this one
		s.mu.Unlock()
		for c, t := range count {
			all = append(all, counted{c, t})
		}
	}
	slices.SortFunc(all, compare)
	return batch(all)
}

// Return puts back what could not be written: all but the first of the uses.
func (u *Uses) Return(uses []access.Use, written int) {
	for _, use := range uses[written:] {
		u.add(caller{
			number: uint32(use.Key), day: int32(use.Day.Unix() / secondsOfDay), service: use.Service, address: use.Address,
		}, tally{
			accepted: use.Accepted, refused: use.Refused, last: use.LastAt.UnixMicro(), used: micros(use.UsedAt),
		})
	}
}
