package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/keydesk/keydesk/access"
)

// allReaders is how many connections read all keys, each a range of them: two cores are faster than one.
const allReaders = 2

// AllKeys calls begin with how many keys there are, and tells of every one as a change would, in no order and from
// several goroutines. Call it before changes are made.
func (db *DB) AllKeys(ctx context.Context, begin func(keys int), tell func(access.KeyChange)) error {
	return db.allKeys(ctx, math.MaxInt64, begin, tell)
}

// allKeys does so, and leaves the status empty of keys that were deactivated by a later change than the known one.
func (db *DB) allKeys(ctx context.Context, known int64, begin func(keys int), tell func(access.KeyChange)) error {
	var n int
	if err := db.read.GetContext(ctx, &n, `SELECT count(*) FROM keys`); err != nil {
		return fmt.Errorf("count keys: %w", err)
	}
	begin(n)
	bounds := []string{""}
	for i := 1; i < allReaders; i++ {
		var id string
		err := db.read.GetContext(ctx, &id, db.read.Rebind(`SELECT id FROM keys WHERE number = ?`), i*n/allReaders)
		switch {
		case errors.Is(err, sql.ErrNoRows): // where numbers are left out; the range before is longer
		case err != nil:
			return fmt.Errorf("read keys: %w", err)
		case id > bounds[len(bounds)-1]:
			bounds = append(bounds, id)
		}
	}
	bounds = append(bounds, "\x7f") // behind every id
	var readers sync.WaitGroup
	errs := make([]error, len(bounds)-1)
	for i := range errs {
		readers.Go(func() { errs[i] = db.tellRange(ctx, known, bounds[i], bounds[i+1], tell) })
	}
	readers.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	return nil
}

// tellRange tells of the keys from one id up to another.
func (db *DB) tellRange(ctx context.Context, known int64, from, to string, tell func(access.KeyChange)) error {
	conn, err := db.read.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(c any) (err error) {
		s, err := prepare(c, db.read.Rebind(selectTold))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return eachRow(ctx, s, named(known, from, to), func(row []driver.Value) error {
			c, err := toldKey(row)
			if err == nil {
				tell(c)
			}
			return err
		})
	})
}

// selectTold selects what is told of a key in three columns: each takes locks and an allocation of the driver's own.
const selectTold = `SELECT id || ' ' || last4 || ' ' || user_id, hash,
	number * 3 + CASE WHEN deactivated_at IS NULL THEN 0 WHEN change <= ? THEN 1 ELSE 2 END FROM keys WHERE id >= ? AND id < ?`

// toldKey returns what is told of a key.
func toldKey(row []driver.Value) (c access.KeyChange, err error) {
	words, isText := row[0].(string)
	hash, isBlob := row[1].([]byte)
	number, isNumber := row[2].(int64)
	id, rest, _ := strings.Cut(words, " ")
	last4, userID, whole := strings.Cut(rest, " ")
	if !isText || !isBlob || !isNumber || !whole || len(hash) != access.HashLen {
		return c, fmt.Errorf("key %q: a value is not what it should be", words)
	}
	c = access.KeyChange{
		KeyID: id, Last4: last4, UserID: userID, Hash: [access.HashLen]byte(hash), Key: number / 3,
		Status: [...]access.Status{access.Active, access.Inactive, ""}[number%3],
	}
	return c, nil
}
