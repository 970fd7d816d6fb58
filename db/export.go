package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// exportPatience is how long an export waits for its turn.
const exportPatience = 2 * time.Second

// Export calls begin and then each for every key of the status (all when it is empty), by User ID and creation, from
// one snapshot and one row at a time. A person's export is written to the audit log before that. The operator's is
// not: it only reads, beside the process that writes.
func (db *DB) Export(ctx context.Context, actor access.Actor, status access.Status,
	begin func() error, each func(access.Key) error,
) error {
	if err := access.Check(actor, access.ExportKeys); err != nil {
		return err
	}
	if _, err := access.ParseStatus(string(status)); err != nil {
		return err
	}
	where := map[access.Status]string{
		"": "", access.Active: `WHERE k.deactivated_at IS NULL `, access.Inactive: `WHERE k.deactivated_at IS NOT NULL `,
	}[status]
	conn, err := db.exportConn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if actor.UserID != access.Operator {
		err := db.change(ctx, actor, access.ExportKeys, func(context.Context, *tx) (access.Change, error) {
			return access.Change{Detail: string(status)}, nil
		})
		if err != nil {
			return err
		}
	}
	// One statement is one snapshot.
	rows, err := conn.QueryContext(ctx, selectKeys+where+`ORDER BY k.user_id, k.created_at, k.id`)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if err := begin(); err != nil {
		return err
	}
	return eachKey(rows, each)
}

// exportConn returns a connection for an export, or refuses when enough of them are under way.
func (db *DB) exportConn(ctx context.Context) (*sqlx.Conn, error) {
	wait, cancel := context.WithTimeout(ctx, exportPatience)
	defer cancel()
	conn, err := db.exports.Connx(wait)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, access.Refuse(access.Busy, "", "Other exports are under way. Please try again in a minute.")
	}
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return conn, nil
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
