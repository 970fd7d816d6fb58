package verify

import (
	"cmp"
	"slices"
	"time"

	"github.com/keydesk/keydesk/access"
)

type counted struct {
	caller
	tally
}

// compare orders by key and day, as the database has them, and then by caller. Most are told apart by the key.
func compare(a, b counted) int {
	switch {
	case a.number != b.number:
		return cmp.Compare(a.number, b.number)
	case a.day != b.day:
		return cmp.Compare(a.day, b.day)
	case a.service != b.service:
		return cmp.Compare(a.service, b.service)
	}
	return cmp.Compare(a.address, b.address)
}

// busiest orders by how often, those that could not be told apart last.
func busiest(a, b counted) int {
	if other := a.service == access.OtherCallers; other != (b.service == access.OtherCallers) {
		if other {
			return 1
		}
		return -1
	}
	return cmp.Compare(b.accepted+b.refused, a.accepted+a.refused)
}

// batch adds up what was counted of a caller, and makes one of the callers of a key on a day that are too many.
func batch(all []counted) []access.Use {
	slices.SortFunc(all, compare)
	summed := all[:0]
	for _, c := range all {
		if n := len(summed); n > 0 && summed[n-1].caller == c.caller {
			summed[n-1].tally = summed[n-1].and(c.tally)
		} else {
			summed = append(summed, c)
		}
	}
	uses := make([]access.Use, 0, len(summed))
	for len(summed) > 0 {
		n := 1
		for n < len(summed) && summed[n].number == summed[0].number && summed[n].day == summed[0].day {
			n++
		}
		for _, c := range crowd(summed[:n]) {
			uses = append(uses, c.use())
		}
		summed = summed[n:]
	}
	return uses
}

// crowd returns the callers of a key on a day, those that are too many as one.
func crowd(callers []counted) []counted {
	if len(callers) <= access.DayCallers {
		return callers
	}
	slices.SortStableFunc(callers, busiest)
	rest := &callers[access.DayCallers]
	rest.service, rest.address = access.OtherCallers, ""
	for _, c := range callers[access.DayCallers+1:] {
		rest.tally = rest.and(c.tally)
	}
	return callers[:access.DayCallers+1]
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
