package db

import (
	"context"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// sampleKeys is how many keys are looked at to tell how long the rows of an export are.
const sampleKeys = 1000

// CountKeys returns how many keys of the status (all when it is empty) an export would send now. A million take tens of
// milliseconds, so it is for who is about to export them.
func (db *DB) CountKeys(ctx context.Context, actor access.Actor, status access.Status) (n int, err error) {
	if err := access.Check(actor, access.ExportKeys); err != nil {
		return 0, err
	}
	if _, err := access.ParseStatus(string(status)); err != nil {
		return 0, err
	}
	err = db.read.GetContext(ctx, &n, `SELECT count(*) FROM keys k`+exportWhere(status))
	if err != nil {
		return 0, fmt.Errorf("count keys: %w", err)
	}
	return n, nil
}

// ExportSize returns how many keys an export of all would send now, and the oldest of them as a sample.
func (db *DB) ExportSize(ctx context.Context, actor access.Actor) (n int, sample []access.Key, err error) {
	if n, err = db.CountKeys(ctx, actor, ""); err != nil {
		return 0, nil, err
	}
	var rows []keyRow
	if err := db.read.SelectContext(ctx, &rows, db.read.Rebind(selectKeys+`ORDER BY k.id LIMIT ?`), sampleKeys); err != nil {
		return 0, nil, fmt.Errorf("sample keys: %w", err)
	}
	for _, row := range rows {
		sample = append(sample, row.key(db.recent))
	}
	return n, sample, nil
}
