package verify

import (
	"strings"
	"sync"
	"time"

	"github.com/keydesk/keydesk/access"
)

const (
	secondsOfDay = 24 * 60 * 60

	shards     = 64
	mostEvents = 1 << 12 // uses that a shard keeps one by one; then it adds them up
	mostPairs  = 1 << 10 // callers of keys that a shard tells apart when it has added up; the rest of a key's are one
)

// Uses counts who used which key, to be written in batches. It takes a lock for a moment only, and however much is sent
// it holds at most 64 times 4,096 uses and 1,024 callers, and then one entry for each key and day that it was used. It is
// safe for concurrent use. The zero value is ready.
type Uses struct {
	shards [shards]shard
}

// shard keeps uses as they come, which costs least, and adds them up when they are many.
type shard struct {
	mu     sync.Mutex
	events []event
	sums   map[caller]tally
	last   event // the one before, whose words the next one often has
}

// event is one use.
type event struct {
	service, address string
	at               int64 // microseconds
	number           uint32
	accepted         bool
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

func (t tally) and(other tally) tally {
	return tally{
		accepted: t.accepted + other.accepted, refused: t.refused + other.refused,
		last: max(t.last, other.last), used: max(t.used, other.used),
	}
}

// Add notes that a key was accepted for a caller, or refused because it was deactivated. The service is what
// access.ParseService returns.
func (u *Uses) Add(key Key, verdict access.Verdict, service, address string, at time.Time) {
	s := &u.shards[key.number%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.service != service || s.last.address != address {
		s.last.service, s.last.address = strings.Clone(service), strings.Clone(address) // not the request that they are a part of
	}
	s.events = append(s.events, event{
		service: s.last.service, address: s.last.address, at: at.UnixMicro(), number: key.number,
		accepted: verdict == access.Accepted,
	})
	if len(s.events) == mostEvents {
		for _, e := range s.events {
			s.sum(e.count())
		}
		clear(s.events)
		s.events = s.events[:0]
	}
}

// count returns the use as the first of its caller.
func (e event) count() (caller, tally) {
	t := tally{last: e.at, refused: 1}
	if e.accepted {
		t = tally{last: e.at, used: e.at, accepted: 1}
	}
	return caller{number: e.number, day: int32(e.at / 1e6 / secondsOfDay), service: e.service, address: e.address}, t
}

// sum adds to what is counted of a caller.
func (s *shard) sum(c caller, t tally) {
	if s.sums == nil {
		s.sums = map[caller]tally{}
	}
	known, ok := s.sums[c]
	if !ok && len(s.sums) >= mostPairs {
		c.service, c.address = access.OtherCallers, ""
		known = s.sums[c]
	}
	s.sums[c] = known.and(t)
}

// Len returns how many uses, or callers of keys whose uses are added up, are kept at the moment.
func (u *Uses) Len() (n int) {
	for i := range u.shards {
		s := &u.shards[i]
		s.mu.Lock()
		n += len(s.events) + len(s.sums)
		s.mu.Unlock()
	}
	return n
}

// Take returns what was counted since the last Take, by key and day. Of the callers of a key on a day the busiest are
// told apart.
func (u *Uses) Take() []access.Use {
	all := make([]counted, 0, u.Len())
	for i := range u.shards {
		s := &u.shards[i]
		s.mu.Lock()
		events, sums := s.events, s.sums
		s.events, s.sums = make([]event, 0, len(events)), nil // the next time is much like this one
		s.mu.Unlock()
		for _, e := range events {
			c, t := e.count()
			all = append(all, counted{c, t})
		}
		for c, t := range sums {
			all = append(all, counted{c, t})
		}
	}
	return batch(all)
}

// Return puts back what could not be written: all but the first of the uses.
func (u *Uses) Return(uses []access.Use, written int) {
	for _, use := range uses[written:] {
		number := uint32(use.Key)
		s := &u.shards[number%shards]
		s.mu.Lock()
		s.sum(caller{
			number: number, day: int32(use.Day.Unix() / secondsOfDay), service: use.Service, address: use.Address,
		}, tally{
			accepted: use.Accepted, refused: use.Refused, last: use.LastAt.UnixMicro(), used: micros(use.UsedAt),
		})
		s.mu.Unlock()
	}
}
