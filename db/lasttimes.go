package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// maxLastTimes is how many keys' last uses an export holds in memory, at 4 bytes each. Of more keys it looks each one up,
// in another order than they are kept in, which is three quarters of its time.
const maxLastTimes = 3 << 19

// lastTimes is when each key, by its number, was last used: seconds since 1970, 0 for never. It is nil when there are too
// many keys.
type lastTimes []uint32

// lastTimes returns the last uses that are merged.
func (s *snapshot) lastTimes(ctx context.Context) (lastTimes, error) {
	var most int64
	if err := s.conns[0].GetContext(ctx, &most, `SELECT coalesce(max(key), 0) FROM last_uses`); err != nil {
		return nil, fmt.Errorf("read last uses: %w", err)
	}
	if most >= maxLastTimes {
		return nil, nil
	}
	times := make(lastTimes, most+1)
	errs := make([]error, len(s.conns))
	var readers sync.WaitGroup
	for i, conn := range s.conns {
		share := func(i int) int64 { return int64(len(times)) * int64(i) / int64(len(s.conns)) }
		readers.Go(func() { errs[i] = times.read(ctx, conn, share(i), share(i+1)) })
	}
	readers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("read last uses: %w", err)
	}
	return times, nil
}

// read reads the last uses of the keys from one number up to another.
func (l lastTimes) read(ctx context.Context, conn *sqlx.Conn, from, to int64) error {
	return conn.Raw(func(c any) (err error) {
		s, err := prepare(c, conn.Rebind(`SELECT key, last_used_at FROM last_uses WHERE key >= ? AND key < ?`))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return eachRow(ctx, s, named(from, to), func(row []driver.Value) error {
			key, isKey := row[0].(int64)
			at, isTime := row[1].(int64)
			seconds := at / time.Second.Microseconds()
			if !isKey || !isTime || seconds < 0 || seconds > math.MaxUint32 {
				return fmt.Errorf("last use of key %v: a value is not what it should be", row[0])
			}
			l[key] = uint32(seconds)
			return nil
		})
	})
}

// of returns when a key was last used, or the zero time.
func (l lastTimes) of(key int64) time.Time {
	if key < 0 || key >= int64(len(l)) || l[key] == 0 {
		return time.Time{}
	}
	return time.Unix(int64(l[key]), 0).UTC()
}
