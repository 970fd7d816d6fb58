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
	return s.conns[0].Raw(func(c any) (err error) {
		if r.keys, err = prepare(c, fmt.Sprintf(`FETCH %d FROM report`, partRows)); err != nil {
			return fmt.Errorf("export: %w", err)
		}
		defer func() { err = errors.Join(err, r.keys.Close()) }()
		for part, n := []byte(nil), partRows; n == partRows; {
			if part, n, err = r.fetch(ctx, part[:0], out.Row); err != nil {
				return fmt.Errorf("export: %w", err)
			}
			if n == 0 {
				break
			}
			if err := out.Write(part, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// fetch appends the next rows of the cursor to part, and returns how many there were.
func (r *exportReader) fetch(ctx context.Context, part []byte, row func([]byte, access.Key) []byte) ([]byte, int, error) {
	n := 0
	err := eachRow(ctx, r.keys, nil, func(values []driver.Value) error {
		k, err := r.reported(values)
		if err != nil {
			return err
		}
		part = row(part, k)
		n++
		return nil
	})
	return part, n, err
}
