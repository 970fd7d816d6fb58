package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

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
	r := &exportReader{times: times, recent: &recentUses{}} // every instance writes last uses at once
	return s.conns[0].Raw(func(c any) error {
		part, n, err := r.fetch(ctx, c, nil, firstPart, out)
		for size := firstPart; err == nil && n == size; {
			size = partRows
			part, n, err = r.fetch(ctx, c, part[:0], size, out)
		}
		return err
	})
}

// fetch writes the next rows of the cursor, size at most, and returns how many there were, with the memory for others.
func (r *exportReader) fetch(ctx context.Context, conn any, part []byte, size int, out Export) (rows []byte, n int, err error) {
	next, err := prepare(conn, fmt.Sprintf(`FETCH %d FROM report`, size))
	if err != nil {
		return nil, 0, fmt.Errorf("export: %w", err)
	}
	err = eachRow(ctx, next, nil, func(values []driver.Value) error {
		k, err := r.reported(values)
		if err != nil {
			return err
		}
		part = out.Row(part, k)
		n++
		return nil
	})
	if err = errors.Join(err, next.Close()); err != nil {
		return nil, 0, fmt.Errorf("export: %w", err)
	}
	if n == 0 {
		return part, 0, nil
	}
	return part, n, out.Write(part, n)
}
