package db

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
)

// copying is a move under way, in a transaction of the target.
type copying struct {
	from     *sqlx.Conn // sees one state of the source all along
	to       *pgx.Conn
	tables   []*movedTable
	done     int // rows
	total    int
	altered  int // texts
	progress func(done, total int)
}

func newCopying(ctx context.Context, from *sqlx.Conn, to *pgx.Conn, progress func(done, total int)) (*copying, error) {
	c := &copying{from: from, to: to, progress: progress}
	for _, name := range movedTables() {
		t, err := readTable(ctx, from, name)
		if err != nil {
			return nil, err
		}
		c.tables = append(c.tables, t)
		c.total += 2 * t.rows
	}
	return c, nil
}

// rows returns how many rows the source has in a table.
func (c *copying) rows(table string) int {
	for _, t := range c.tables {
		if t.name == table {
			return t.rows
		}
	}
	return 0
}

// step says that one more row is copied or compared.
func (c *copying) step() {
	c.done++
	c.progress(c.done, c.total)
}

// all copies and then compares all tables. Triggers hold what may be done, and would refuse what was done long ago: a key
// of somebody who is disabled by now. They are on again before the rows are compared, after which nothing comes but the
// commit. References are held all the same.
func (c *copying) all(ctx context.Context) error {
	if err := c.alter(ctx, `ALTER TABLE %s DISABLE TRIGGER USER`); err != nil {
		return err
	}
	if _, err := c.to.Exec(ctx, `DELETE FROM audit_head`); err != nil {
		return err
	}
	if err := c.withoutIndexes(ctx, func() error { return c.copyTables(ctx) }); err != nil {
		return err
	}
	if err := c.number(ctx); err != nil {
		return fmt.Errorf("number: %w", err)
	}
	if err := c.alter(ctx, `ALTER TABLE %s ENABLE TRIGGER USER`); err != nil {
		return err
	}
	if err := c.alter(ctx, `ANALYZE %s`); err != nil { // or it takes a minute until all queries are quick
		return err
	}
	return c.compareTables(ctx)
}

func (c *copying) copyTables(ctx context.Context) error {
	for _, t := range c.tables {
		if err := c.copy(ctx, t); err != nil {
			return fmt.Errorf("copy %s: %w", t.name, err)
		}
	}
	return nil
}

// number has what the target numbers by itself go on behind what was copied, and behind sign-ins that are forgotten by now.
func (c *copying) number(ctx context.Context) error {
	for _, n := range []struct{ last, restart string }{
		{
			`SELECT max(coalesce((SELECT max(number) FROM sign_ins), 0),
				coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'sign_ins'), 0))`,
			`ALTER TABLE sign_ins ALTER COLUMN number RESTART WITH %d`,
		},
		{
			fmt.Sprintf(`SELECT max(0, coalesce(max(place %% %d), 0)) FROM new_uses`, int64(partPlaces)),
			`ALTER SEQUENCE new_uses_batch RESTART WITH %d`,
		},
	} {
		var last int64
		if err := c.from.GetContext(ctx, &last, n.last); err != nil {
			return err
		}
		if _, err := c.to.Exec(ctx, fmt.Sprintf(n.restart, last+1)); err != nil {
			return err
		}
	}
	return nil
}

func (c *copying) alter(ctx context.Context, statement string) error {
	for _, t := range c.tables {
		if _, err := c.to.Exec(ctx, fmt.Sprintf(statement, t.name)); err != nil {
			return err
		}
	}
	return nil
}

// errEnough says that no more rows are wanted.
var errEnough = errors.New("enough")

func (c *copying) copy(ctx context.Context, t *movedTable) error {
	var unread error
	next, stop := iter.Pull(func(yield func([]any) bool) {
		unread = t.read(ctx, c.from, func(row []any, altered int) error {
			c.altered += altered
			if !yield(row) {
				return errEnough
			}
			c.step()
			return nil
		})
	})
	defer stop()
	_, err := c.to.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromFunc(func() ([]any, error) {
		if row, more := next(); more {
			return row, nil
		}
		return nil, unread
	}))
	if unread != nil { // otherwise it would be told as the server repeats it
		return unread
	}
	return err
}
