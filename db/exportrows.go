package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/keydesk/keydesk/access"
)

// The statements of an exportReader, without what tells the status.
const (
	exportKeys = `SELECT k.user_id, k.last4, k.created_at, k.deactivated_at, k.number, NULL FROM keys k `
	exportUsed = `SELECT k.user_id, k.last4, k.created_at, k.deactivated_at, k.number, u.last_used_at
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

// exportReader reads keys by the driver's own connection.
type exportReader struct {
	keys, last statement
	times      lastTimes
	recent     *recentUses
}

func newExportReader(conn any, status access.Status, times lastTimes, recent *recentUses) (r *exportReader, err error) {
	where := ` WHERE ` + exportAfter
	if status != "" {
		where = exportWhere(status) + ` AND ` + exportAfter
	}
	keys := exportKeys
	if times == nil {
		keys = exportUsed
	}
	r = &exportReader{times: times, recent: recent}
	if r.keys, err = prepare(conn, keys+where+`LIMIT ?`); err != nil {
		return nil, err
	}
	if r.last, err = prepare(conn, exportLast+where+`LIMIT 1 OFFSET ?`); err != nil {
		return nil, errors.Join(err, r.keys.Close())
	}
	return r, nil
}

func (r *exportReader) close() { _, _ = r.keys.Close(), r.last.Close() }

// end returns the last key of the part of n rows that begins after a key, or nil when there are not more than that.
func (r *exportReader) end(ctx context.Context, from []driver.NamedValue, n int) (last []driver.NamedValue, err error) {
	err = eachRow(ctx, r.last, with(from, int64(n-1)), func(row []driver.Value) error {
		last = named(row...)
		return nil
	})
	return last, err
}

// rows appends the rows of the keys after this one, n at most, to out.
func (r *exportReader) rows(ctx context.Context, out []byte, from []driver.NamedValue, n int, row func([]byte, access.Key) []byte) ([]byte, int, error) {
	count := 0
	err := eachRow(ctx, r.keys, with(from, int64(n)), func(values []driver.Value) error {
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

// reported returns what the report shows of a key.
func (r *exportReader) reported(row []driver.Value) (k access.Key, err error) {
	var whole [5]bool
	var made, ended, used sql.NullInt64
	k.UserID, whole[0] = row[0].(string)
	k.Last4, whole[1] = row[1].(string)
	made, whole[2] = integer(row[2])
	ended, whole[3] = integer(row[3])
	used, whole[4] = integer(row[5])
	number, ok := row[4].(int64)
	if whole != [5]bool{true, true, true, true, true} || !ok {
		return k, fmt.Errorf("key of %q: a value is of another type than it should be", k.UserID)
	}
	k.CreatedAt, k.DeactivatedAt, k.LastUsedAt = timeOf(made), timeOf(ended), timeOf(used)
	if r.times != nil {
		k.LastUsedAt = r.times.of(number)
	}
	k.LastUsedAt = r.recent.latest(number, k.LastUsedAt).Truncate(time.Second)
	return k, nil
}

func integer(v driver.Value) (n sql.NullInt64, ok bool) {
	if v == nil {
		return n, true
	}
	n.Int64, n.Valid = v.(int64)
	return n, n.Valid
}
