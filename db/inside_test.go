package db

import (
	"context"
	"strings"
)

// UsePlans returns how the database answers each query that reads key_days by key.
func (db *DB) UsePlans(ctx context.Context) (map[string]string, error) {
	plans := map[string]string{}
	for _, query := range []string{selectDays, selectLastUse} {
		var steps []struct {
			ID, Parent, NotUsed int
			Detail              string
		}
		args := make([]any, strings.Count(query, "?"))
		if err := db.read.SelectContext(ctx, &steps, `EXPLAIN QUERY PLAN `+query, args...); err != nil {
			return nil, err
		}
		for _, s := range steps {
			plans[query] += s.Detail + "; "
		}
	}
	return plans, nil
}

// Doubt makes the key one of which nobody knows what became of it.
func (db *DB) Doubt(id string) { db.doubted = append(db.doubted, id) }

// MergeAll merges all new uses, without a rest.
func (db *DB) MergeAll(ctx context.Context) error {
	for {
		var some bool
		if err := db.read.GetContext(ctx, &some, `SELECT EXISTS (SELECT 1 FROM new_uses)`); err != nil || !some {
			return err
		}
		if _, err := db.mergeSome(ctx); err != nil { // what is damaged is MergeUses' to tell
			return err
		}
	}
}

// Waiting returns how many uses the database has that are not merged.
func (db *DB) Waiting(ctx context.Context) (int, error) {
	r, err := loadRecent(ctx, db.read)
	if err != nil {
		return 0, err
	}
	return r.waiting(), nil
}

// ErrUses says that encoded uses do not read.
var ErrUses = errUses
