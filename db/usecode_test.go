package db

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

func someUses() []access.Use {
	day := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	at := day.Add(13*time.Hour + 7*time.Microsecond)
	const part = 3 * partKeys
	return []access.Use{
		{Key: part, Day: day, Service: "billing", Address: "2001:db8::1", Accepted: 1, LastAt: at, UsedAt: at},
		{Key: part + 7, Day: day, Service: "billing", Address: "2001:db8::1", Accepted: 1 << 40, Refused: 3, LastAt: at, UsedAt: at.Add(-time.Hour)},
		{Key: part + 7, Day: day.AddDate(0, 0, -1), Service: access.OtherCallers, Refused: 1, LastAt: day.Add(-1)},
		{Key: part + partKeys - 1, Day: day, LastAt: day, UsedAt: day, Accepted: 1},
	}
}

func TestUsesReadAsTheyWereEncoded(t *testing.T) {
	want := someUses()
	want[2].LastAt = want[2].LastAt.Truncate(time.Microsecond)
	var got []access.Use
	if err := decodeUses(3, encodeUses(want), func(u access.Use) { got = append(got, u) }); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	if err := decodeUses(3, nil, func(u access.Use) { t.Errorf("nothing reads as %+v", u) }); err != nil {
		t.Error(err)
	}
}

// What is cut off within a use does not read as one.
func TestUsesThatAreCutOffAreDamaged(t *testing.T) {
	uses := someUses()
	code := encodeUses(uses)
	whole := map[int]bool{}
	for n := range uses {
		whole[len(encodeUses(uses[:n]))] = true
	}
	for n := range len(code) {
		read := 0
		err := decodeUses(3, code[:n], func(access.Use) { read++ })
		if whole[n] != (err == nil) || err != nil && !errors.Is(err, errUses) || read >= len(uses) {
			t.Errorf("%d of %d bytes: %d uses, %v", n, len(code), read, err)
		}
	}
}

// What is no text to PostgreSQL is damaged, rather than that nothing is merged any more.
func TestCallersThatAreNoTextAreDamaged(t *testing.T) {
	for _, bad := range []string{"\xff", "a\x00b", "\xed\xa0\x80"} {
		for _, u := range []access.Use{{Key: 1, Service: bad}, {Key: 1, Address: bad}} {
			if err := decodeUses(0, encodeUses([]access.Use{u}), func(u access.Use) { t.Errorf("it reads as %+v", u) }); !errors.Is(err, errUses) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
}

// What reads, reads the same when it is encoded anew.
func FuzzUsesRead(f *testing.F) {
	f.Add(encodeUses(someUses()))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 12))
	f.Fuzz(func(t *testing.T, code []byte) {
		var first, second []access.Use
		if decodeUses(3, code, func(u access.Use) { first = append(first, u) }) != nil {
			return
		}
		for _, u := range first {
			if u.Key/partKeys != 3 { // no key of the part: nobody encodes that
				return
			}
		}
		if err := decodeUses(3, encodeUses(first), func(u access.Use) { second = append(second, u) }); err != nil || len(first) != len(second) {
			t.Errorf("%+v\nread again %+v, %v", first, second, err)
		}
	})
}
