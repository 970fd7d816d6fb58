package db

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

func (c *copying) compareTables(ctx context.Context) error {
	for _, t := range c.tables {
		if err := c.compare(ctx, t); err != nil {
			return fmt.Errorf("compare %s: %w", t.name, err)
		}
	}
	return nil
}

// compare reads a table on both sides, in the order of its primary key, and returns an error unless every column of every
// row is the same.
func (c *copying) compare(ctx context.Context, t *movedTable) error {
	copied, err := c.to.Query(ctx, t.query(t.inTarget), pgx.QueryResultFormats{pgx.BinaryFormatCode})
	if err != nil {
		return err
	}
	defer copied.Close()
	err = t.read(ctx, c.from, func(row []any, _ int) error {
		c.step()
		if !copied.Next() {
			if err := copied.Err(); err != nil {
				return err
			}
			return t.missing(row)
		}
		return t.compareRow(row, copied)
	})
	if err != nil {
		return err
	}
	if copied.Next() {
		return t.added(copied)
	}
	return copied.Err()
}

// compareRow compares the next rows of both sides.
func (t *movedTable) compareRow(row []any, copied pgx.Rows) error {
	raw := copied.RawValues()
	for _, i := range t.key {
		if order := compareValue(row[i], raw[i]); order < 0 {
			return t.missing(row)
		} else if order > 0 {
			return t.added(copied)
		}
	}
	for i, v := range row {
		if compareValue(v, raw[i]) != 0 {
			return fmt.Errorf("%s of the row with %s is not the same on both sides", t.columns[i], t.nameOf(row))
		}
	}
	return nil
}

// compareValue compares a value with one as PostgreSQL sends it, in the order of both databases: null, which only the
// same value is equal to, comes first.
func compareValue(v any, raw []byte) int {
	switch v := v.(type) {
	case nil:
		if raw == nil {
			return 0
		}
		return -1
	case int64:
		return compareInteger(v, raw)
	case string:
		if raw != nil && string(raw) == v { // which copies nothing
			return 0
		}
		return compareBytes([]byte(v), raw)
	case []byte:
		return compareBytes(v, raw)
	}
	return 1 // no table has another type
}

func compareBytes(b, raw []byte) int {
	if raw == nil {
		return 1
	}
	return bytes.Compare(b, raw)
}

func compareInteger(n int64, raw []byte) int {
	switch len(raw) {
	case 8:
		return cmp.Compare(n, int64(binary.BigEndian.Uint64(raw))) //nolint:gosec // the same bits
	case 4:
		return cmp.Compare(n, int64(int32(binary.BigEndian.Uint32(raw)))) //nolint:gosec // the same bits
	}
	return 1
}

func (t *movedTable) missing(row []any) error {
	return fmt.Errorf("the row with %s is missing", t.nameOf(row))
}

func (t *movedTable) added(copied pgx.Rows) error {
	row, err := copied.Values()
	if err != nil {
		return err
	}
	return fmt.Errorf("the row with %s is not in the source", t.nameOf(row))
}

// nameOf tells which row it is. Of bytes, which are hashes of what is secret, it tells the first.
func (t *movedTable) nameOf(row []any) string {
	var parts []string
	for _, i := range t.key {
		format := "%s %v"
		switch row[i].(type) {
		case string:
			format = "%s %q"
		case []byte:
			format = "%s %.4x..."
		}
		parts = append(parts, fmt.Sprintf(format, t.columns[i], row[i]))
	}
	return strings.Join(parts, ", ")
}
