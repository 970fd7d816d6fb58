package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"github.com/keydesk/keydesk/access"
)

// The statements of a reader, without what tells the status.
const (
	exportKeys = `SELECT k.user_id, k.last4, k.created_at, k.deactivated_at, u.last_used_at, k.number
		FROM keys k LEFT JOIN last_uses u ON u.key = k.number `
	exportLast  = `SELECT k.user_id, k.created_at, k.id FROM keys k `
	exportAfter = `(k.user_id, k.created_at, k.id) > (?, ?, ?) ORDER BY k.user_id, k.created_at, k.id `
)

// exportWhere narrows the keys to those of the status.
func exportWhere(status access.Status) string {
	return map[access.Status]string{
		"": "", access.Active: ` WHERE k.deactivated_at IS NULL`, access.Inactive: ` WHERE k.deactivated_at IS NOT NULL`,
	}[status]
}

// reader reads keys by the driver's own connection: a row takes half as long as by database/sql.
type reader struct {
	keys, last statement
	recent     *recentUses
}

type statement interface {
	driver.Stmt
	driver.StmtQueryContext
}

func newReader(conn any, status access.Status, recent *recentUses) (r *reader, err error) {
	where := ` WHERE ` + exportAfter
	if status != "" {
		where = exportWhere(status) + ` AND ` + exportAfter
	}
	r = &reader{recent: recent}
	if r.keys, err = prepare(conn, exportKeys+where+`LIMIT ?`); err != nil {
		return nil, err
	}
	if r.last, err = prepare(conn, exportLast+where+`LIMIT 1 OFFSET ?`); err != nil {
		return nil, errors.Join(err, r.keys.Close())
	}
	return r, nil
}

func prepare(conn any, query string) (statement, error) {
	c, ok := conn.(driver.Conn)
	if !ok {
		return nil, fmt.Errorf("%T is no connection", conn)
	}
	prepared, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T takes no query", prepared), prepared.Close())
	}
	return s, nil
}

func (r *reader) close() { _, _ = r.keys.Close(), r.last.Close() }

// end returns the last key of the part of n rows that begins after a key, or nil when there are not more than that.
func (r *reader) end(from []driver.NamedValue, n int) (last []driver.NamedValue, err error) {
	err = r.each(r.last, with(from, int64(n-1)), func(row []driver.Value) error {
		last = named(row...)
		return nil
	})
	return last, err
}

// rows appends the rows of the keys after this one, n at most, to out.
func (r *reader) rows(out []byte, from []driver.NamedValue, n int, row func([]byte, access.Key) []byte) ([]byte, int, error) {
	count := 0
	err := r.each(r.keys, with(from, int64(n)), func(values []driver.Value) error {
		k, err := r.reported(values)
		if err != nil {
			return err
		}
		out = row(out, k)
		count++
		return nil
	})
	return out, count, err
}

// each calls do with every row, whose values are its own during the call only. It cannot be given up, and need not be:
// it ends soon.
func (r *reader) each(s statement, args []driver.NamedValue, do func([]driver.Value) error) (err error) {
	rows, err := s.QueryContext(context.Background(), args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := do(row); err != nil {
			return err
		}
	}
}

// reported returns what the report shows of a key.
func (r *reader) reported(row []driver.Value) (k access.Key, err error) {
	var whole [5]bool
	var made, ended, used sql.NullInt64
	k.UserID, whole[0] = row[0].(string)
	k.Last4, whole[1] = row[1].(string)
	made, whole[2] = integer(row[2])
	ended, whole[3] = integer(row[3])
	used, whole[4] = integer(row[4])
	number, ok := row[5].(int64)
	if whole != [5]bool{true, true, true, true, true} || !ok {
		return k, fmt.Errorf("key of %q: a value is of another type than it should be", k.UserID)
	}
	k.CreatedAt, k.DeactivatedAt, k.LastUsedAt = timeOf(made), timeOf(ended), r.recent.latest(number, timeOf(used))
	return k, nil
}

func integer(v driver.Value) (n sql.NullInt64, ok bool) {
	if v == nil {
		return n, true
	}
	n.Int64, n.Valid = v.(int64)
	return n, n.Valid
}

// named numbers the values as arguments of a statement.
func named(values ...driver.Value) []driver.NamedValue {
	args := make([]driver.NamedValue, len(values))
	for i, v := range values {
		args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return args
}

// with returns the arguments and one more.
func with(args []driver.NamedValue, v driver.Value) []driver.NamedValue {
	return append(args[:len(args):len(args)], driver.NamedValue{Ordinal: len(args) + 1, Value: v})
}
