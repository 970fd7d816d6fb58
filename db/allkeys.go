package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/keydesk/keydesk/access"
)

// allReaders is how many connections read all keys, each a range of them: two cores are faster than one.
const allReaders = 2

// AllKeys calls begin with how many keys there are, and tells of every one as a change would, in no order and from
// several goroutines. Call it before changes are made.
func (db *DB) AllKeys(ctx context.Context, begin func(keys int), tell func(access.KeyChange)) error {
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
		readers.Go(func() { errs[i] = db.tellRange(ctx, bounds[i], bounds[i+1], tell) })
	}
	readers.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	return nil
}

// tellRange tells of the keys from one id up to another.
func (db *DB) tellRange(ctx context.Context, from, to string, tell func(access.KeyChange)) error {
	conn, err := db.read.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(c any) (err error) {
		s, err := prepare(c, `SELECT id, number, user_id, hash, last4, deactivated_at IS NOT NULL FROM keys WHERE id >= ? AND id < ?`)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		return eachRow(ctx, s, named(from, to), func(row []driver.Value) error {
			c, err := toldKey(row)
			if err == nil {
				tell(c)
			}
			return err
		})
	})
}

// toldKey returns what is told of a key.
func toldKey(row []driver.Value) (access.KeyChange, error) {
	c := access.KeyChange{Status: access.Active}
	var whole [6]bool
	var hash []byte
	var inactive int64
	c.KeyID, whole[0] = row[0].(string)
	c.Key, whole[1] = row[1].(int64)
	c.UserID, whole[2] = row[2].(string)
	hash, whole[3] = row[3].([]byte)
	c.Last4, whole[4] = row[4].(string)
	inactive, whole[5] = row[5].(int64)
	if whole != [6]bool{true, true, true, true, true, true} || len(hash) != access.HashLen {
		return c, fmt.Errorf("key %s of %q: a value is not what it should be", c.KeyID, c.UserID)
	}
	c.Hash = [access.HashLen]byte(hash)
	if inactive != 0 {
		c.Status = access.Inactive
	}
	return c, nil
}
