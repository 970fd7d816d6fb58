package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

const (
	useChunk = 10 * time.Millisecond // how long the writer is held, before whoever waits for it has their turn
	useRows  = 64                    // written by one statement
)

// SaveUses writes down who used which key, some at a time, and returns how many were written; the rest is not. A last use
// never moves backwards. On a day the first 20 callers of a key are told apart, which a trigger holds.
func (db *DB) SaveUses(ctx context.Context, uses []access.Use) (written int, err error) {
	for written < len(uses) {
		n, err := db.saveSome(ctx, uses[written:])
		written += n
		if err != nil {
			return written, fmt.Errorf("save uses: %w", err)
		}
	}
	return written, nil
}

// saveSome writes the first of the uses in one transaction. It queues behind the changes of people.
func (db *DB) saveSome(ctx context.Context, uses []access.Use) (written int, err error) {
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
	for written < len(uses) && (written == 0 || time.Now().Before(end)) {
		some := uses[written:min(written+useRows, len(uses))]
		if err := db.uses.write(ctx, t, some); err != nil {
			return 0, err
		}
		written += len(some)
	}
	if err := committed("save uses", t); err != nil {
		return 0, err
	}
	return written, nil
}

// write writes uses, useRows of them by statements that are prepared once.
func (w *useWriter) write(ctx context.Context, t *sqlx.Tx, uses []access.Use) error {
	var last, days []any
	for _, u := range uses {
		if !u.UsedAt.IsZero() {
			last = append(last, u.KeyID, micros(u.UsedAt))
		}
		days = append(days, u.KeyID, dayNumber(u.Day), u.Service, u.Address, u.Accepted, u.Refused, micros(u.LastAt))
	}
	if err := w.last.exec(ctx, t, last); err != nil {
		return err
	}
	return w.days.exec(ctx, t, days)
}

// manyRows is a statement that writes many rows. It is prepared for useRows of them.
type manyRows struct {
	columns    int
	head, tail string // what stands before and behind the rows
	full       *sqlx.Stmt
}

func (m *manyRows) exec(ctx context.Context, t *sqlx.Tx, values []any) (err error) {
	switch len(values) {
	case 0:
	case useRows * m.columns:
		_, err = t.StmtxContext(ctx, m.full).ExecContext(ctx, values...)
	default:
		_, err = affect(ctx, t, m.text(len(values)/m.columns), values...)
	}
	return err
}

func (m *manyRows) text(rows int) string {
	row := "(?" + strings.Repeat(", ?", m.columns-1) + ")"
	return m.head + row + strings.Repeat(", "+row, rows-1) + m.tail
}

// useWriter holds what uses are written with.
type useWriter struct{ last, days manyRows }

func newUseWriter(ctx context.Context, write *sqlx.DB) (*useWriter, error) {
	w := &useWriter{
		last: manyRows{
			columns: 2, head: `INSERT INTO key_uses (key_id, last_used_at) VALUES `,
			tail: ` ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at
				WHERE excluded.last_used_at > key_uses.last_used_at`,
		},
		days: manyRows{
			columns: 7, head: `INSERT INTO key_days (key_id, day, service, address, accepted, refused, last_at) VALUES `,
			tail: ` ON CONFLICT (key_id, day, service, address) DO UPDATE SET
				accepted = key_days.accepted + excluded.accepted, refused = key_days.refused + excluded.refused,
				last_at = CASE WHEN excluded.last_at > key_days.last_at THEN excluded.last_at ELSE key_days.last_at END`,
		},
	}
	for _, m := range []*manyRows{&w.last, &w.days} {
		var err error
		if m.full, err = write.PreparexContext(ctx, write.Rebind(m.text(useRows))); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// dayNumber returns how many days a day is after 1 January 1970.
func dayNumber(day time.Time) int64 { return day.Unix() / secondsOfDay }

const secondsOfDay = 24 * 60 * 60
