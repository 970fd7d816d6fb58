package verify

import (
	"bytes"
	"cmp"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
)

// Batch is what was counted between two times.
type Batch struct {
	Uses []access.Use
	keys []Key // of each use
}

type counted struct {
	caller
	*tally
}

// compare orders by key and day, as the database has them, and the busiest callers first.
func compare(a, b counted) int {
	return cmp.Or(bytes.Compare(a.key.entry.id[:], b.key.entry.id[:]), cmp.Compare(a.day, b.day),
		cmp.Compare(b.accepted+b.refused, a.accepted+a.refused),
		strings.Compare(a.service, b.service), strings.Compare(a.address, b.address))
}

// newBatch makes one of the callers of a key on a day that are too many, and of those that could not be told apart.
func newBatch(all []counted) *Batch {
	b := &Batch{Uses: make([]access.Use, 0, len(all)), keys: make([]Key, 0, len(all))}
	callers, other := 0, -1 // how many of the key and day are told apart, and where the others of them are
	for i, c := range all {
		if i == 0 || c.number != all[i-1].number || c.day != all[i-1].day {
			callers, other = 0, -1
		}
		if c.service != access.OtherCallers && callers < access.DayCallers {
			callers++
			b.add(c)
			continue
		}
		c.service, c.address = access.OtherCallers, ""
		if other < 0 {
			other = len(b.Uses)
			b.add(c)
			continue
		}
		b.Uses[other] = sum(b.Uses[other], c.use(b.Uses[other].KeyID))
	}
	return b
}

func (b *Batch) add(c counted) {
	n := len(b.keys)
	var id string
	if n > 0 && b.keys[n-1].number == c.number {
		id = b.Uses[n-1].KeyID
	} else {
		id = c.key.ID()
	}
	b.Uses, b.keys = append(b.Uses, c.use(id)), append(b.keys, c.key)
}

func (c counted) use(id string) access.Use {
	return access.Use{
		KeyID: id, Day: time.Unix(int64(c.day)*secondsOfDay, 0).UTC(), Service: c.service, Address: c.address,
		Accepted: c.accepted, Refused: c.refused, LastAt: timeOf(c.last), UsedAt: timeOf(c.used),
	}
}

func sum(a, b access.Use) access.Use {
	a.Accepted += b.Accepted
	a.Refused += b.Refused
	if b.LastAt.After(a.LastAt) {
		a.LastAt = b.LastAt
	}
	if b.UsedAt.After(a.UsedAt) {
		a.UsedAt = b.UsedAt
	}
	return a
}

// timeOf returns the time of so many microseconds since 1970, and the zero time for none.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func micros(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}
