package db

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/keydesk/keydesk/access"
)

// exportByCursor reads the keys of the snapshot by a cursor, and writes each part before it reads the next.
func (s *snapshot) exportByCursor(ctx context.Context, status access.Status, out Export) error {
	times, err := s.lastTimes(ctx)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	keys := exportKeys
	if times == nil {
		keys = exportUsed
	}
	_, err = s.conns[0].ExecContext(ctx, `DECLARE report NO SCROLL CURSOR FOR `+keys+exportWhere(status)+
		` ORDER BY k.user_id, k.created_at, k.id`)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return s.conns[0].Raw(func(c any) error {
		conn, ok := c.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("export: %T is no connection to PostgreSQL", c)
		}
		r := &cursorReader{conn: conn.Conn(), times: times}
		n, err := r.fetch(ctx, firstPart, out)
		for size := firstPart; err == nil && n == size; {
			size = partRows
			n, err = r.fetch(ctx, size, out)
		}
		return err
	})
}

// cursorReader reads the cursor by the driver's own connection, in PostgreSQL's binary form: a row takes a third of the
// time that it takes by database/sql.
type cursorReader struct {
	conn  *pgx.Conn
	times lastTimes // nil when the rows have them
	part  []byte    // memory to use again
	user  string    // of the key before, which is often the same one
}

// fetch writes the next rows of the cursor, size at most, and returns how many there were.
func (r *cursorReader) fetch(ctx context.Context, size int, out Export) (n int, err error) {
	rows, err := r.conn.Query(ctx, fmt.Sprintf(`FETCH %d FROM report`, size), pgx.QueryExecModeDescribeExec)
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	defer rows.Close()
	r.part = r.part[:0]
	for ; rows.Next(); n++ {
		k, err := r.reported(rows.RawValues())
		if err != nil {
			return 0, fmt.Errorf("export: %w", err)
		}
		r.part = out.Row(r.part, k)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	return n, out.Write(r.part, n)
}

var errReported = errors.New("a value is of another type than it should be")

// reported returns what the report shows of a key.
func (r *cursorReader) reported(row [][]byte) (k access.Key, err error) {
	if len(row) != 6 || row[0] == nil || row[1] == nil || len(row[2]) != 8 || len(row[4]) != 8 {
		return k, fmt.Errorf("key of %q: %w", r.user, errReported)
	}
	if string(row[0]) != r.user {
		r.user = string(row[0])
	}
	k = access.Key{
		UserID: r.user, Last4: string(row[1]), CreatedAt: timeOf(bigint(row[2])), DeactivatedAt: timeOf(bigint(row[3])),
		LastUsedAt: timeOf(bigint(row[5])),
	}
	if r.times != nil {
		k.LastUsedAt = r.times.of(bigint(row[4]).Int64)
	}
	k.LastUsedAt = k.LastUsedAt.Truncate(time.Second)
	return k, nil
}

// bigint returns a number in PostgreSQL's binary form, or null.
func bigint(raw []byte) (n sql.NullInt64) {
	if len(raw) == 8 {
		n.Int64, n.Valid = int64(binary.BigEndian.Uint64(raw)), true //nolint:gosec // it is in two's complement
	}
	return n
}
