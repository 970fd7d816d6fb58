package db

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

const useRows = 64 // written by one statement

// useWriter holds what uses are merged with. Where several instances write, last uses are saved with the new ones.
type useWriter struct{ last, days manyRows }

func (db *DB) newUseWriter(ctx context.Context) (*useWriter, error) {
	w := &useWriter{
		last: manyRows{
			columns: 2, head: `INSERT INTO last_uses (key, last_used_at) VALUES `,
			tail: ` ON CONFLICT (key) DO UPDATE SET last_used_at = excluded.last_used_at
				WHERE excluded.last_used_at > last_uses.last_used_at`,
		},
		days: manyRows{
			columns: 8, head: `INSERT INTO key_days (key, day, service, address, accepted, refused, last_at, used_at) VALUES `,
			tail: ` ON CONFLICT (key, day, service, address) DO UPDATE SET
				accepted = key_days.accepted + excluded.accepted, refused = key_days.refused + excluded.refused,
				last_at = CASE WHEN excluded.last_at > key_days.last_at THEN excluded.last_at ELSE key_days.last_at END,
				used_at = CASE WHEN excluded.used_at > key_days.used_at THEN excluded.used_at ELSE key_days.used_at END`,
		},
	}
	statements := []*manyRows{&w.days}
	if !db.shared {
		statements = append(statements, &w.last)
	}
	for _, m := range statements {
		var err error
		if m.full, err = db.write.PreparexContext(ctx, db.write.Rebind(m.text(useRows))); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *useWriter) close() {
	for _, m := range []*manyRows{&w.last, &w.days} {
		if m.full != nil {
			_ = m.full.Close()
		}
	}
}

// write merges uses, useRows of them by statements that are prepared once.
func (w *useWriter) write(ctx context.Context, t *sqlx.Tx, uses []access.Use) error {
	for some := range slices.Chunk(uses, useRows) {
		days := make([]any, 0, len(some)*w.days.columns)
		for _, u := range some {
			days = append(days, u.Key, dayNumber(u.Day), u.Service, u.Address, u.Accepted, u.Refused, micros(u.LastAt), usedAt(u))
		}
		if err := w.days.exec(ctx, t, days); err != nil {
			return err
		}
		if w.last.full == nil {
			continue
		}
		var last []any
		keys, times := lastUses(some)
		for i, key := range keys {
			last = append(last, key, times[i])
		}
		if err := w.last.exec(ctx, t, last); err != nil {
			return err
		}
	}
	return nil
}

// usedAt returns when a caller was last accepted, or 0 if it never was.
func usedAt(u access.Use) int64 {
	if u.UsedAt.IsZero() {
		return 0
	}
	return micros(u.UsedAt)
}

// lastUses returns the keys that were accepted, each once, with the last time.
func lastUses(uses []access.Use) (keys, times []int64) {
	for i := 0; i < len(uses); {
		key, last := uses[i].Key, time.Time{}
		for ; i < len(uses) && uses[i].Key == key; i++ {
			if uses[i].UsedAt.After(last) {
				last = uses[i].UsedAt
			}
		}
		if !last.IsZero() {
			keys, times = append(keys, key), append(times, micros(last))
		}
	}
	return keys, times
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
