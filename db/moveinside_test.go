package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// MovedTables returns the tables that are moved.
func MovedTables() []string { return movedTables() }

// CompareMoved compares the tables of this database, as Move does, with what the connection sees; with only one of them if
// that is named.
func (db *DB) CompareMoved(ctx context.Context, to *pgx.Conn, only string) error {
	conn, err := db.exports.Connx(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	c, err := newCopying(ctx, conn, to, func(int, int) {})
	if err != nil {
		return err
	}
	for _, t := range c.tables {
		if t.name == only {
			c.tables = []*movedTable{t}
		}
	}
	return c.compareTables(ctx)
}
