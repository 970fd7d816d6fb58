package db

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

const (
	mergeTime = 25 * time.Millisecond  // how long is merged at a time,
	mergeLong = 150 * time.Millisecond // and how long if more uses than mergeMost wait for it
	mergeMost = 2_000_000
	mergeRead = 2048 // uses that are read by one transaction at most, or a row of new_uses more: what is left is written anew
)

// MergeUses adds some of the new uses up by key, day and caller. The parts of the keys with the most of them come first,
// so that the more there are the less each costs. A last use never moves backwards. On a day the first 20 callers of a
// key are told apart, which a trigger holds. After ctx is done nothing more is begun. Uses that are damaged are left out,
// for good, which it tells of once the others are merged.
func (db *DB) MergeUses(ctx context.Context) error {
	damaged := 0
	for spent := time.Duration(0); ctx.Err() == nil; {
		m, err := db.mergeSome(ctx)
		if db.shared && postgresCode(err) == "40001" {
			break // another instance has merged the same meanwhile
		}
		if err != nil {
			return fmt.Errorf("merge uses: %w", err)
		}
		damaged += m.damaged
		if spent += m.took; m.left == 0 || spent >= mergeLong || (spent >= mergeTime && m.left < mergeMost) {
			break
		}
		pause(ctx, m.took)
	}
	if damaged > 0 {
		return fmt.Errorf("merge uses: %d rows are left out: %w", damaged, errUses)
	}
	return nil
}

// NewUses returns how many uses are not merged yet. Of several instances it is known, more or less, to the one that has
// merged last.
func (db *DB) NewUses() int {
	if db.shared {
		return int(db.unmerged.Load())
	}
	return db.recent.waiting()
}

// merged is what one transaction has merged.
type merged struct {
	left    int // uses that are not merged, of all parts
	damaged int // rows of new uses that did not read
	took    time.Duration
}

// mergeSome merges some parts in one transaction, which queues behind the changes of people.
func (db *DB) mergeSome(ctx context.Context) (m merged, err error) {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	db.changing.Lock()
	defer db.changing.Unlock()
	began := time.Now()
	if db.uses == nil {
		if db.uses, err = db.newUseWriter(ctx); err != nil {
			return merged{}, err
		}
	}
	t, err := db.write.BeginTxx(ctx, db.merge)
	if err != nil {
		return merged{}, err
	}
	defer func() { _ = t.Rollback() }()
	parts, waiting, err := db.partsToMerge(ctx, t)
	if err != nil {
		return merged{}, err
	}
	gone := map[int64]int{}
	for i, part := range parts {
		n, whole, damaged, err := db.mergePart(ctx, t, part, began.Add(useChunk))
		if err != nil {
			return merged{}, err
		}
		gone[part], m.damaged = n, m.damaged+damaged
		if waiting = max(1, waiting-n); whole && i == len(parts)-1 { // it was about how many
			waiting = 0
		}
		if time.Since(began) >= useChunk || !whole {
			break
		}
	}
	if err := term.commit("merge uses", t); err != nil {
		return merged{}, err
	}
	m.took = time.Since(began)
	if m.left = waiting; !db.shared {
		m.left = db.recent.merged(gone)
	}
	db.unmerged.Store(int64(m.left))
	return m, nil
}

// partsToMerge returns the parts that have new uses, those with the most first, and about how many uses that are. There
// are none while another instance merges.
func (db *DB) partsToMerge(ctx context.Context, t *sqlx.Tx) (parts []int64, waiting int, err error) {
	if !db.shared {
		return db.recent.fullestFirst(), db.recent.waiting(), nil
	}
	var ours bool
	if err := t.GetContext(ctx, &ours, db.oneMerge); err != nil || !ours {
		return nil, 0, err
	}
	var rows []struct {
		Part  int64 `db:"part"`
		Bytes int   `db:"bytes"`
	}
	err = t.SelectContext(ctx, &rows, t.Rebind(`SELECT place / ? AS part, sum(length(uses)) AS bytes FROM new_uses
		GROUP BY 1 ORDER BY 2 DESC`), int64(partPlaces))
	for _, r := range rows {
		parts, waiting = append(parts, r.Part), waiting+max(1, r.Bytes/useBytes)
	}
	return parts, waiting, err
}

// useBytes is about how long an encoded use is.
const useBytes = 16

// mergePart merges new uses of a part, some at least and then others until a time, and returns how many fewer there are,
// whether these were all, and how many rows did not read.
func (db *DB) mergePart(ctx context.Context, t *sqlx.Tx, part int64, until time.Time) (gone int, whole bool, damaged int, err error) {
	var uses []access.Use
	r, err := newUsesOf(ctx, t, part, mergeRead, func(u access.Use) { uses = append(uses, u) })
	if err != nil {
		return 0, false, 0, err
	}
	uses = sumUses(uses)
	rest := uses
	for n := 0; len(rest) > 0 && (n == 0 || time.Now().Before(until)); n++ {
		some := rest[:min(len(rest), useRows)]
		if err := db.uses.write(ctx, t, some); err != nil {
			return 0, false, 0, err
		}
		rest = rest[len(some):]
	}
	if _, err := affect(ctx, t, `DELETE FROM new_uses WHERE place >= ? AND place <= ?`, part*partPlaces, r.last); err != nil {
		return 0, false, 0, err
	}
	if len(rest) > 0 {
		_, err = affect(ctx, t, db.addNewUses, db.firstPlace(part), encodeUses(rest))
	}
	return r.uses - len(rest), r.whole && len(rest) == 0, r.damaged, err
}

// reading is what was read of the new uses of a part.
type reading struct {
	last          int64 // place
	uses, damaged int   // damaged are rows, of which what reads is among the uses
	whole         bool  // nothing follows
}

// everything is more uses than there are.
const everything = math.MaxInt

// newUsesOf calls each with the uses of a part that are not merged, in the order in which they came, until so many at
// least are read.
func newUsesOf(ctx context.Context, t *sqlx.Tx, part int64, most int, each func(access.Use)) (r reading, err error) {
	rows, err := t.QueryxContext(ctx, t.Rebind(`SELECT place, uses FROM new_uses WHERE place >= ? AND place < ? ORDER BY place`),
		part*partPlaces, (part+1)*partPlaces)
	if err != nil {
		return r, fmt.Errorf("read new uses: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for r.uses < most {
		if !rows.Next() {
			r.whole = true
			break
		}
		var code []byte
		if err := rows.Scan(&r.last, &code); err != nil {
			return r, fmt.Errorf("read new uses: %w", err)
		}
		if decodeUses(part, code, func(u access.Use) { each(u); r.uses++ }) != nil {
			r.damaged++
		}
	}
	if err := rows.Err(); err != nil {
		return r, fmt.Errorf("read new uses: %w", err)
	}
	return r, nil
}

// sumUses adds uses up by key, day and caller, and returns them by key and day, the busiest callers first.
func sumUses(uses []access.Use) []access.Use {
	byCaller := func(a, b access.Use) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Day.Compare(b.Day), strings.Compare(a.Service, b.Service),
			strings.Compare(a.Address, b.Address))
	}
	slices.SortFunc(uses, byCaller)
	summed := uses[:0]
	for _, u := range uses {
		if n := len(summed); n > 0 && byCaller(summed[n-1], u) == 0 {
			summed[n-1] = summed[n-1].And(u)
		} else {
			summed = append(summed, u)
		}
	}
	slices.SortFunc(summed, func(a, b access.Use) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Day.Compare(b.Day), cmp.Compare(b.Accepted+b.Refused, a.Accepted+a.Refused),
			byCaller(a, b))
	})
	return summed
}
