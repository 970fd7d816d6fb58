package views

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/keydesk/keydesk/access"
)

// Uses is what is shown of the uses of a key.
type Uses struct {
	Page Page
	access.KeyUses
	Now time.Time
}

// own tells whether the actor looks at a key of their own.
func (v Uses) own() bool { return v.Page.Actor.UserID == v.Key.UserID }

// never tells whether nobody has used the key, whether it was accepted or not.
func (v Uses) never() bool {
	return v.Key.LastUsedAt.IsZero() && len(v.Days) == 0 && v.Refused.Refused == 0
}

// others tells whether some callers are not told apart.
func others(uses []access.Use) bool {
	return slices.ContainsFunc(uses, func(u access.Use) bool { return u.Service == access.OtherCallers })
}

func usesPath(k access.Key, actor access.Actor) string {
	if access.Can(actor, access.SeeUsers) {
		return "/admin/keys/" + k.ID + "/uses"
	}
	return "/profile/keys/" + k.ID + "/uses"
}

// usesID returns the id of the row that opens beneath a key's.
func usesID(k access.Key) string { return "uses-" + k.ID }

// How many services or addresses are named: where the uses of a key are shown, and in a row of the history.
const (
	mostCallers = 8
	fewest      = 3
)

// nameless is what a service is called whose gateway does not say.
const nameless = "not named"

// calls is what a service has done with a key, or somebody at an address.
type calls struct {
	name string
	access.Use
}

func (v Uses) services() []calls {
	return sumBy(v.Days, func(u access.Use) string { return u.Service })
}

func (v Uses) addresses() []calls {
	known := slices.DeleteFunc(slices.Clone(v.Days), func(u access.Use) bool { return u.Address == "" })
	return sumBy(known, func(u access.Use) string { return u.Address })
}

// sumBy adds uses up by name, the latest first.
func sumBy(uses []access.Use, name func(access.Use) string) (all []calls) {
	at := map[string]int{}
	for _, u := range uses {
		i, known := at[name(u)]
		if !known {
			i, all = len(all), append(all, calls{name: name(u)})
			at[name(u)] = i
		}
		all[i].Use = all[i].And(u)
	}
	slices.SortStableFunc(all, func(a, b calls) int {
		return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.name, b.name))
	})
	return all
}

func total(uses []access.Use) (all access.Use) {
	for _, u := range uses {
		all = all.And(u)
	}
	return all
}

// counts says how often, such as "1,204 accepted, 3 refused".
func counts(u access.Use) string {
	switch {
	case u.Accepted+u.Refused == 0:
		return "not used"
	case u.Refused == 0:
		return humanize.Comma(u.Accepted) + " accepted"
	case u.Accepted == 0:
		return humanize.Comma(u.Refused) + " refused"
	}
	return humanize.Comma(u.Accepted) + " accepted, " + humanize.Comma(u.Refused) + " refused"
}

// The chart, in units of its view box: a bar a day, accepted uses below and refused ones on top of them.
const (
	slot    = 32 // a day
	gap     = 4  // on either side of a bar
	tallest = 96
	least   = 6 // a bar that can still be seen
)

type bar struct {
	day               access.Use // all uses of it
	accepted, refused box
}

type box struct{ x, y, width, height int }

// inset makes room for the outline of a bar that is not filled.
func (b box) inset() box {
	return box{b.x + 1, b.y + 1, b.width - 2, b.height - 2}
}

// bars returns a bar for each of the last days, the oldest first, and how many uses the tallest stands for.
func (v Uses) bars() (all []bar, most int64) {
	today := access.Day(v.Now)
	for i := range access.UseDays {
		day := access.Use{Day: today.AddDate(0, 0, i-access.UseDays+1)}
		for _, u := range v.Days {
			if u.Day.Equal(day.Day) {
				day = day.And(u)
			}
		}
		all, most = append(all, bar{day: day}), max(most, day.Accepted+day.Refused)
	}
	for i := range all {
		b, x, width := &all[i], i*slot+gap, slot-2*gap
		accepted, refused := height(b.day.Accepted, most), height(b.day.Refused, most)
		b.accepted = box{x, chartHeight - accepted, width, accepted}
		b.refused = box{x, chartHeight - accepted - refused, width, refused}
	}
	return all, most
}

const (
	chartWidth  = access.UseDays * slot
	chartHeight = tallest + 2*least // both parts of a bar may be as low as one can see
)

func height(n, most int64) int {
	if n == 0 {
		return 0
	}
	return max(least, int(math.Round(tallest*float64(n)/float64(most))))
}

func viewBox() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight) }

// date returns a day for people.
func date(day time.Time) string { return day.UTC().Format("2 January") }
