package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// statement is a statement of the driver's own connection, by which a row takes half as long as by database/sql.
type statement interface {
	driver.Stmt
	driver.StmtQueryContext
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

// lookEvery is after how many rows it is looked whether they are still wanted.
const lookEvery = 1024

// eachRow calls do with every row, whose values are its own during the call only, until ctx is done. The driver is not told
// of ctx: its way to give up takes a goroutine and a lock for each row.
func eachRow(ctx context.Context, s statement, args []driver.NamedValue, do func([]driver.Value) error) (err error) {
	rows, err := s.QueryContext(context.WithoutCancel(ctx), args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for n := 0; ; n++ {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if n%lookEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := do(row); err != nil {
			return err
		}
	}
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
