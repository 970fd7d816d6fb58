package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// mostStatements is how many statements a connection that writes keeps prepared: more than there are. To prepare one
// takes about as long as to run it.
const mostStatements = 200

// statements are those at rest, by their texts.
type statements map[string]sqliteStmt

// take returns the statement of this text, which nobody else uses meanwhile.
func (c *watchedConn) take(ctx context.Context, text string) (sqliteStmt, error) {
	if stmt, ok := c.rest[text]; ok {
		delete(c.rest, text)
		return stmt, nil
	}
	prepared, err := c.sqliteConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	stmt, ok := prepared.(sqliteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no statement of SQLite", prepared), prepared.Close())
	}
	return stmt, nil
}

// giveBack keeps a statement that was used for the next time.
func (c *watchedConn) giveBack(text string, stmt sqliteStmt) {
	if _, twice := c.rest[text]; twice || len(c.rest) >= mostStatements {
		_ = stmt.Close() // whatever was wrong with it, its use has told
		return
	}
	c.rest[text] = stmt
}

// Close ends the statements with the connection. Where nothing is to be written any more, the connection stays open until the
// process ends: closing the last one would move the WAL into the database.
func (c *watchedConn) Close() error {
	if c.disk.stopped.Load() {
		return nil
	}
	var errs []error
	for _, stmt := range c.rest {
		errs = append(errs, stmt.Close())
	}
	clear(c.rest)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// takenRows are the rows of a statement that was taken.
type takenRows struct {
	driver.Rows
	conn *watchedConn
	text string
	stmt sqliteStmt
}

func (r *takenRows) Close() error {
	if r.stmt == nil {
		return nil
	}
	err := r.Rows.Close()
	r.conn.giveBack(r.text, r.stmt)
	r.stmt = nil
	return err
}
