package verify

import (
	"cmp"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
)

type counted struct {
	caller
	tally
}

// compare orders by key and day, as the database has them, and the busiest callers first.
func compare(a, b counted) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.day, b.day),
		cmp.Compare(b.accepted+b.refused, a.accepted+a.refused),
		strings.Compare(a.service, b.service), strings.Compare(a.address, b.address))
}

// batch makes one of the callers of a key on a day that are too many, and of those that could not be told apart.
func batch(all []counted) []access.Use {
	uses := make([]access.Use, 0, len(all))
	callers, other := 0, -1 // how many of the key and day are told apart, and where the others of them are
	for i, c := range all {
		if i == 0 || c.number != all[i-1].number || c.day != all[i-1].day {
			callers, other = 0, -1
		}
		if c.service != access.OtherCallers && callers < access.DayCallers {
			callers++
			uses = append(uses, c.use())
			continue
		}
		c.service, c.address = access.OtherCallers, ""
		if other < 0 {
			other = len(uses)
			uses = append(uses, c.use())
			continue
		}
		uses[other] = uses[other].And(c.use())
	}
	return uses
}

func (c counted) use() access.Use {
	return access.Use{
		Key: int64(c.number), Day: time.Unix(int64(c.day)*secondsOfDay, 0).UTC(), Service: c.service, Address: c.address,
		Accepted: c.accepted, Refused: c.refused, LastAt: timeOf(c.last), UsedAt: timeOf(c.used),
	}
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
