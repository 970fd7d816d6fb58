package db

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/keydesk/keydesk/access"
)

// Export calls begin and then each for every key of the status (all when it is empty), by User ID and creation, from
// one snapshot and one row at a time. A person's export is written to the audit log before that. The operator's is
// not: it only reads, beside the process that writes.
func (db *DB) Export(ctx context.Context, actor access.Actor, status access.Status,
	begin func() error, each func(access.Key) error,
) error {
	if err := access.Check(actor, access.ExportKeys); err != nil {
		return err
	}
	if actor.UserID != access.Operator {
		err := db.change(ctx, actor, access.ExportKeys, func(context.Context, *tx) (access.Change, error) {
			return access.Change{Detail: string(status)}, nil
		})
		if err != nil {
			return err
		}
	}
	where := map[access.Status]string{
		"": "", access.Active: `WHERE k.deactivated_at IS NULL `, access.Inactive: `WHERE k.deactivated_at IS NOT NULL `,
	}[status]
	// One statement is one snapshot.
	rows, err := db.read.QueryxContext(ctx, selectKeys+where+`ORDER BY k.user_id, k.created_at, k.id`)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if err := begin(); err != nil {
		return err
	}
	return eachKey(rows.Rows, each)
}

func eachKey(rows *sql.Rows, each func(access.Key) error) error {
	for rows.Next() {
		var r keyRow
		err := rows.Scan(&r.ID, &r.UserID, &r.Name, &r.Last4, &r.CreatedAt, &r.LastUsedAt, &r.DeactivatedAt,
			&r.DeactivatedBy, &r.Reason)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if err := each(r.key()); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
