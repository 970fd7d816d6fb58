package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// recentUses is what is known of the uses that are written but not merged. The zero value knows of none.
type recentUses struct {
	batch int64 // the last one; under DB.changing

	mu    sync.Mutex
	last  map[int64]*[partKeys]uint32 // by part, when each of its keys was last used: seconds since 1970, 0 for never
	count map[int64]int               // by part, how many uses are not merged
	total int                         // of all parts
}

// loadRecent returns what the database says of them. Those that do not read are left for MergeUses to tell of.
func loadRecent(ctx context.Context, q sqlx.QueryerContext) (*recentUses, error) {
	r := &recentUses{}
	var err error
	rows, err := q.QueryxContext(ctx, `SELECT place, uses FROM new_uses`)
	if err != nil {
		return nil, fmt.Errorf("read new uses: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for err == nil && rows.Next() {
		var place int64
		var code []byte
		if err = rows.Scan(&place, &code); err == nil {
			r.batch = max(r.batch, place%partPlaces)
			r.load(place/partPlaces, code)
		}
	}
	if err := errors.Join(err, rows.Err()); err != nil {
		return nil, fmt.Errorf("read new uses: %w", err)
	}
	return r, nil
}

// load adds what is encoded of a part, which has new uses then though none of them read.
func (r *recentUses) load(part int64, code []byte) {
	if r.count == nil {
		r.count, r.last = map[int64]int{}, map[int64]*[partKeys]uint32{}
	}
	r.count[part] += 0
	_ = decodeUses(part, code, r.add)
}

// place returns where the next uses of a part are kept. None is ever returned twice, though the write should fail: it may
// have been done all the same.
func (r *recentUses) place(part int64) int64 {
	r.batch++
	return part*partPlaces + r.batch
}

// note adds uses that were written.
func (r *recentUses) note(uses []access.Use) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range uses {
		r.add(u)
	}
}

func (r *recentUses) add(u access.Use) {
	part := partOf(u.Key)
	if r.count == nil {
		r.count, r.last = map[int64]int{}, map[int64]*[partKeys]uint32{}
	}
	r.count[part]++
	r.total++
	if u.UsedAt.IsZero() {
		return
	}
	last := r.last[part]
	if last == nil {
		last = new([partKeys]uint32)
		r.last[part] = last
	}
	at := &last[u.Key%partKeys]
	*at = max(*at, uint32(u.UsedAt.Unix()))
}

// merged notes how many uses of some parts are gone, and returns how many those of all parts are. When the keys were last
// used stays: some page may have been read from before.
func (r *recentUses) merged(gone map[int64]int) (total int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for part, n := range gone {
		r.total -= n
		if r.count[part] -= n; r.count[part] == 0 {
			delete(r.count, part)
		}
	}
	return r.total
}

// fullestFirst returns the parts with uses that are not merged, those with the most first.
func (r *recentUses) fullestFirst() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Keys(r.count), func(a, b int64) int { return cmp.Compare(r.count[b], r.count[a]) })
}

// waiting returns how many uses are not merged.
func (r *recentUses) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// latest returns the later one of a last use that was read, and the one that is known of the key since: to the second.
func (r *recentUses) latest(key int64, read time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := r.last[partOf(key)]; last != nil {
		if at := last[key%partKeys]; at > 0 && time.Unix(int64(at), 0).After(read) {
			return time.Unix(int64(at), 0).UTC()
		}
	}
	return read
}
