package db

import (
	"context"
	"time"

	"github.com/keydesk/keydesk/access"
)

// storedEntry is an entry of the log with the hashes that stand with it: none before the log has a tree.
type storedEntry struct {
	access.Change
	hashes []byte
}

// eachEntry calls do with the entries of these numbers in their order, some of which are read at a time.
func eachEntry(ctx context.Context, q querier, from, to int64, do func(storedEntry) error) error {
	const some = 2000
	compare := `>=`
	for {
		entries, err := selectEntries(ctx, q, withTree, `WHERE number `+compare+` ? AND number <= ? ORDER BY number LIMIT ?`, from, to, some)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := do(e); err != nil {
				return err
			}
		}
		if len(entries) < some {
			return nil
		}
		compare, from = `>`, entries[some-1].Number
	}
}

// entriesAfter returns the entries that come after this number, at most so many.
func entriesAfter(ctx context.Context, q querier, number int64, most int) ([]storedEntry, error) {
	return selectEntries(ctx, q, withTree, `WHERE number > ? ORDER BY number LIMIT ?`, number, most)
}

// treelessEntriesAfter returns those of a database from before the log had a tree.
func treelessEntriesAfter(ctx context.Context, q querier, number int64, most int) ([]storedEntry, error) {
	return selectEntries(ctx, q, withoutTree, `WHERE number > ? ORDER BY number LIMIT ?`, number, most)
}

// entryAt returns the entry of this number, or none.
func entryAt(ctx context.Context, q querier, number int64) ([]storedEntry, error) {
	return selectEntries(ctx, q, withTree, `WHERE number = ?`, number)
}

// What came with the tree, as a database has it, and what stands for it in one that is older.
const (
	withTree    = `traces, hashes`
	withoutTree = `'[]', NULL`
)

// selectEntries returns the entries that the rest of the query selects.
func selectEntries(ctx context.Context, q querier, tree, rest string, args ...any) (entries []storedEntry, err error) {
	rows, err := q.QueryxContext(ctx, q.Rebind(`SELECT number, at, actor, address, action, user_id, key_id, detail, `+tree+`
		FROM audit `+rest), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e storedEntry
		var at int64
		err := rows.Scan(&e.Number, &at, &e.Actor, &e.Address, &e.Action, &e.UserID, &e.KeyID, &e.Detail, &e.Traces, &e.hashes)
		if err != nil {
			return nil, err
		}
		e.At = time.UnixMicro(at).UTC()
		entries = append(entries, e)
	}
	return entries, rows.Err()
}
