package db

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/keydesk/keydesk/access"
)

// partKeys is how many keys, by number, make a part. Uses are kept by part until they are merged: so few that a merge is
// soon done, so many that some of a second's uses fall together.
const partKeys = 4096

// partPlaces is how many places a part has for its uses: enough for a thousand a second, for 30 years.
const partPlaces = 1 << 40

// partOf returns the part of a key.
func partOf(key int64) int64 { return key / partKeys }

// errUses says that encoded uses do not read.
var errUses = errors.New("new uses are damaged")

// encodeUses returns uses of one part as bytes: for each its key, day, counts and times, and its caller, which is spelt
// out where it is first named. Numbers are varints, times are microseconds since the beginning of the day.
func encodeUses(uses []access.Use) []byte {
	type caller struct{ service, address string }
	known := map[caller]uint64{}
	code := make([]byte, 0, 32+16*len(uses))
	for _, u := range uses {
		code = binary.AppendVarint(code, u.Key%partKeys)
		code = binary.AppendVarint(code, dayNumber(u.Day))
		code = binary.AppendVarint(code, u.Accepted)
		code = binary.AppendVarint(code, u.Refused)
		code = binary.AppendVarint(code, u.LastAt.Sub(u.Day).Microseconds())
		code = binary.AppendVarint(code, before(u.UsedAt, u.LastAt))
		c := caller{u.Service, u.Address}
		n, ok := known[c]
		if !ok {
			n = uint64(len(known))
			known[c] = n
		}
		if code = binary.AppendUvarint(code, n); !ok {
			code = appendText(appendText(code, c.service), c.address)
		}
	}
	return code
}

// before returns by how many microseconds a use was before the last, or -1 if it never was.
func before(used, last time.Time) int64 {
	if used.IsZero() {
		return -1
	}
	return last.Sub(used).Microseconds()
}

func appendText(code []byte, s string) []byte {
	return append(binary.AppendUvarint(code, uint64(len(s))), s...)
}

// decodeUses calls each with the uses that encodeUses made of a part.
func decodeUses(part int64, code []byte, each func(access.Use)) error {
	r := useReader{code: code}
	var services, addresses []string
	for len(r.code) > 0 {
		number := r.signed()
		u := access.Use{Key: part*partKeys + number, Day: dayOf(r.signed())}
		u.Accepted, u.Refused = r.signed(), r.signed()
		u.LastAt = u.Day.Add(time.Duration(r.signed()) * time.Microsecond)
		if earlier := r.signed(); earlier >= 0 {
			u.UsedAt = u.LastAt.Add(-time.Duration(earlier) * time.Microsecond)
		}
		caller := r.unsigned()
		if caller == uint64(len(services)) {
			services, addresses = append(services, r.text()), append(addresses, r.text())
		}
		if r.damaged || number < 0 || number >= partKeys || caller >= uint64(len(services)) {
			return errUses
		}
		u.Service, u.Address = services[caller], addresses[caller]
		each(u)
	}
	return nil
}

// dayOf returns the midnight of the day that is so many after 1 January 1970.
func dayOf(number int64) time.Time { return time.Unix(number*secondsOfDay, 0).UTC() }

// useReader reads what is encoded, and notes when it does not read.
type useReader struct {
	code    []byte
	damaged bool
}

func (r *useReader) unsigned() uint64 {
	v, n := binary.Uvarint(r.code)
	r.take(n)
	return v
}

func (r *useReader) signed() int64 {
	v, n := binary.Varint(r.code)
	r.take(n)
	return v
}

// take goes on behind a number of n bytes; it did not read if that is none, or fewer.
func (r *useReader) take(n int) {
	if n <= 0 {
		r.damaged, r.code = true, nil
		return
	}
	r.code = r.code[n:]
}

func (r *useReader) text() (s string) {
	n := r.unsigned()
	if n > uint64(len(r.code)) || !isText(r.code[:n]) {
		r.damaged, r.code = true, nil
		return ""
	}
	s, r.code = string(r.code[:n]), r.code[n:]
	return s
}

// isText tells whether these bytes are a text to both databases: PostgreSQL refuses others, and all that is merged with
// them.
func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
