package db

import (
	"context"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// useChunk is how long the writer is held by uses, before whoever waits for it has their turn.
const useChunk = 10 * time.Millisecond

// SaveUses writes down who used which key, and returns how many of the uses were written; the rest is not. They come by
// key, are kept as they come, and merged later by MergeUses; a last use is told of at once. When there are very many the
// writing is spread over time, until ctx is done.
func (db *DB) SaveUses(ctx context.Context, uses []access.Use) (written int, err error) {
	for written < len(uses) {
		began := time.Now()
		n, err := db.saveSome(context.WithoutCancel(ctx), uses[written:])
		if written += n; err != nil {
			return written, fmt.Errorf("save uses: %w", err)
		}
		if written < len(uses) {
			rest(ctx, time.Since(began))
		}
	}
	return written, nil
}

// saveSome writes the first of the uses in one transaction. It queues behind the changes of people.
func (db *DB) saveSome(ctx context.Context, uses []access.Use) (written int, err error) {
	db.changing.Lock()
	defer db.changing.Unlock()
	end := time.Now().Add(useChunk)
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Rollback() }()
	add, err := t.PreparexContext(ctx, t.Rebind(insertNewUses))
	if err != nil {
		return 0, err
	}
	defer func() { _ = add.Close() }()
	batch := db.recent.batch
	for written < len(uses) && (written == 0 || time.Now().Before(end)) {
		some := firstPartOf(uses[written:])
		batch++
		if _, err := add.ExecContext(ctx, partOf(some[0].Key)*partPlaces+batch, encodeUses(some)); err != nil {
			return 0, err
		}
		written += len(some)
	}
	if err := committed("save uses", t); err != nil {
		return 0, err
	}
	db.recent.note(uses[:written])
	db.recent.batch = batch
	return written, nil
}

const insertNewUses = `INSERT INTO new_uses (place, uses) VALUES (?, ?)`

// firstPartOf returns the first of the uses, as far as they are of keys of one part.
func firstPartOf(uses []access.Use) []access.Use {
	n := 1
	for n < len(uses) && partOf(uses[n].Key) == partOf(uses[0].Key) {
		n++
	}
	return uses[:n]
}

// busy is how much of the time is worked at most while there is much to write: one part of so many.
const busy = 4

// rest waits, after work that took so long, so that the work does not take a processor for itself.
func rest(ctx context.Context, took time.Duration) {
	timer := time.NewTimer(took * (busy - 1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// dayNumber returns how many days a day is after 1 January 1970.
func dayNumber(day time.Time) int64 { return day.Unix() / secondsOfDay }

const secondsOfDay = 24 * 60 * 60
