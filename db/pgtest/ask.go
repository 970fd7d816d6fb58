package pgtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long anything here may take; on a busy machine starting takes seconds.
const patience = 2 * time.Minute

// execute executes statements one by one, outside of a transaction.
func (s *Server) execute(statements ...string) error {
	return s.connected(func(ctx context.Context, c *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := c.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// connected calls do with a connection of its own to the database that is always there.
func (s *Server) connected(do func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	return do(ctx, c)
}

// holds reports whether a condition, which is an SQL expression, is true.
func (s *Server) holds(condition string) (bool, error) {
	yes := false
	err := s.connected(func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, "SELECT "+condition).Scan(&yes)
	})
	return yes, err
}

// until asks until the answer is yes.
func until(done func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		yes, err := done()
		if yes || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("waited in vain")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
