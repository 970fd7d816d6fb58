package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	mergeRows = 2048 // of callers by day, merged by one transaction at most
)

// MergeUses adds some of the new uses up by key, day and caller. The parts of the keys with the most of them come first,
// so that the more there are the less each costs. A last use never moves backwards. On a day the first 20 callers of a
// key are told apart, which a trigger holds. After ctx is done nothing more is begun.
func (db *DB) MergeUses(ctx context.Context) error {
	for spent := time.Duration(0); ctx.Err() == nil; {
		began := time.Now()
		total, err := db.mergeSome(context.WithoutCancel(ctx))
		if err != nil {
			return fmt.Errorf("merge uses: %w", err)
		}
		took := time.Since(began)
		if spent += took; total == 0 || spent >= mergeLong || (spent >= mergeTime && total < mergeMost) {
			return nil
		}
		rest(ctx, took)
	}
	return nil
}

// NewUses returns how many uses are not merged yet.
func (db *DB) NewUses() int {
	return db.recent.waiting()
}

// mergeSome merges some parts in one transaction, which queues behind the changes of people, and returns how many uses
// are left.
func (db *DB) mergeSome(ctx context.Context) (total int, err error) {
	db.changing.Lock()
	defer db.changing.Unlock()
	end := time.Now().Add(useChunk)
	if db.uses == nil {
		if db.uses, err = newUseWriter(ctx, db.write); err != nil {
			return 0, err
		}
	}
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Rollback() }()
	left := map[int64]int{}
	for _, part := range db.recent.fullestFirst() {
		if left[part], err = db.mergePart(ctx, t, part); err != nil {
			return 0, err
		}
		if !time.Now().Before(end) || left[part] > 0 {
			break
		}
	}
	if err := committed("merge uses", t); err != nil {
		return 0, err
	}
	return db.recent.merged(left), nil
}

// mergePart merges the new uses of a part and returns how many rows of them it left, because they were too many.
func (db *DB) mergePart(ctx context.Context, t *sqlx.Tx, part int64) (left int, err error) {
	var uses []access.Use
	if err := newUsesOf(ctx, t, part, func(u access.Use) { uses = append(uses, u) }); err != nil {
		return 0, err
	}
	uses = sumUses(uses)
	now := uses[:min(len(uses), mergeRows)]
	if err := db.uses.write(ctx, t, now); err != nil {
		return 0, err
	}
	if _, err := affect(ctx, t, `DELETE FROM new_uses WHERE place >= ? AND place < ?`, part*partPlaces, (part+1)*partPlaces); err != nil {
		return 0, err
	}
	if left = len(uses) - len(now); left > 0 {
		db.recent.batch++
		_, err = affect(ctx, t, insertNewUses, part*partPlaces+db.recent.batch, encodeUses(uses[len(now):]))
	}
	return left, err
}

// newUsesOf calls each with the uses of a part that are not merged.
func newUsesOf(ctx context.Context, t *sqlx.Tx, part int64, each func(access.Use)) error {
	var codes [][]byte
	err := t.SelectContext(ctx, &codes, t.Rebind(`SELECT uses FROM new_uses WHERE place >= ? AND place < ? ORDER BY place`),
		part*partPlaces, (part+1)*partPlaces)
	for _, code := range codes {
		err = errors.Join(err, decodeUses(part, code, each))
	}
	if err != nil {
		return fmt.Errorf("read new uses: %w", err)
	}
	return nil
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
