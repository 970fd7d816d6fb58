package db

import (
	"context"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// useChunk is how long the writer is held by uses, before whoever waits for it has their turn.
const useChunk = 6 * time.Millisecond

// SaveUses writes down who used which key, and returns how many of the uses were written; the rest is not. They come by
// key, are kept as they come, and merged later by MergeUses; a last use is told of at once. When there are very many the
// writing is spread over time, until ctx is done. After access.ErrUnsure some may have been written all the same, and are
// counted twice if they come again.
func (db *DB) SaveUses(ctx context.Context, uses []access.Use) (written int, err error) {
	for written < len(uses) {
		n, took, err := db.saveSome(ctx, uses[written:])
		if written += n; err != nil {
			return written, fmt.Errorf("save uses: %w", err)
		}
		if written < len(uses) {
			pause(ctx, took)
		}
	}
	return written, nil
}

// saveSome writes the first of the uses in one transaction, and returns how long that took. It queues behind the changes
// of people. Last uses are written with them where other instances ask for them, in the order of the keys, so that no two
// instances wait for each other.
func (db *DB) saveSome(ctx context.Context, uses []access.Use) (written int, took time.Duration, err error) {
	ctx, term := db.steadfast(ctx)
	defer term.end()
	db.changing.Lock()
	defer db.changing.Unlock()
	began := time.Now()
	t, err := db.write.BeginTxx(ctx, nil)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = t.Rollback() }()
	add, err := t.PreparexContext(ctx, t.Rebind(db.addNewUses)) //nolint:sqlclosecheck // it is, with the transaction
	if err != nil {
		return 0, 0, err
	}
	for written < len(uses) && (written == 0 || time.Since(began) < useChunk) {
		some := firstPartOf(uses[written:])
		if _, err := add.ExecContext(ctx, db.firstPlace(partOf(some[0].Key)), encodeUses(some)); err != nil {
			return 0, 0, err
		}
		written += len(some)
	}
	if db.saveLast != "" {
		keys, times := lastUses(uses[:written])
		if _, err := t.ExecContext(ctx, db.saveLast, keys, times); err != nil {
			return 0, 0, err
		}
	}
	if err := term.commit("save uses", t); err != nil {
		return 0, 0, err
	}
	if !db.shared {
		db.recent.note(uses[:written])
	}
	return written, time.Since(began), nil
}

// firstPlace returns the place that addNewUses is given. Where all instances take their numbers from the database, it adds
// none of this one's: the sum could be another's.
func (db *DB) firstPlace(part int64) int64 {
	if db.shared {
		return part * partPlaces
	}
	return db.recent.place(part)
}

// firstPartOf returns the first of the uses, as far as they are of keys of one part.
func firstPartOf(uses []access.Use) []access.Use {
	n := 1
	for n < len(uses) && partOf(uses[n].Key) == partOf(uses[0].Key) {
		n++
	}
	return uses[:n]
}

// pauses is how much longer than the work the pause after it is while there is much to write.
const pauses = 3

// pause waits, after work that took so long, so that the work does not take a processor for itself.
func pause(ctx context.Context, took time.Duration) {
	timer := time.NewTimer(took * pauses)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// dayNumber returns how many days a day is after 1 January 1970.
func dayNumber(day time.Time) int64 { return day.Unix() / secondsOfDay }

const secondsOfDay = 24 * 60 * 60
