package db

import (
	"context"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// LastUses returns a page of the keys that were ever accepted, the latest use first, those that follow the key with the
// id after; more tells whether others follow. The days of each come in no order.
func (db *DB) LastUses(ctx context.Context, actor access.Actor, after string) (uses []access.KeyUses, more bool, err error) {
	if err := access.Check(actor, access.SeeHistory); err != nil {
		return nil, false, err
	}
	where, args := ``, []any{}
	if after != "" {
		last, err := oneKey(ctx, db.read, `WHERE k.id = ?`, after)
		if err != nil {
			return nil, false, err
		}
		where = `WHERE (u.last_used_at, u.key_id) < (?, ?) `
		args = append(args, micros(last.LastUsedAt), last.ID)
	}
	var rows []keyRow
	err = db.read.SelectContext(ctx, &rows, db.read.Rebind(`SELECT k.id, k.user_id, k.name, k.last4, k.created_at,
		u.last_used_at, k.deactivated_at, coalesce(k.deactivated_by, '') AS deactivated_by, k.reason
		FROM key_uses u JOIN keys k ON k.id = u.key_id `+where+`ORDER BY u.last_used_at DESC, u.key_id DESC LIMIT ?`),
		append(args, HistoryPage+1)...)
	if err != nil {
		return nil, false, fmt.Errorf("list uses: %w", err)
	}
	keys := make([]access.Key, 0, HistoryPage)
	for _, row := range rows[:min(len(rows), HistoryPage)] {
		keys = append(keys, row.key())
	}
	days, err := db.daysOf(ctx, keys)
	for _, k := range keys {
		uses = append(uses, access.KeyUses{Key: k, Days: days[k.ID]})
	}
	return uses, len(rows) > HistoryPage, err
}
