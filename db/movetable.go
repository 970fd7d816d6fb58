package db

import (
	"context"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// movedTables returns the tables that are moved, each after those that its rows refer to. The others are the target's own:
// leases, oldest_program, and where migrations are noted.
func movedTables() []string {
	return []string{
		"secrets", "signing_keys", "users", "user_beginnings", "keys", "sessions", "browsers", "sign_ins", "links", "passkeys", "recovery_codes", "spent",
		"feedback", "audit_head",
		"audit", "last_uses", "key_days", "new_uses", "made_up",
	}
}

// movedTable is a table as both databases have it.
type movedTable struct {
	name    string
	columns []string
	key     []int // which columns are the primary key
	rows    int
	altered bool // is a text of the primary key in some row, so that rows may come in another order
}

// readTable returns what the source says of a table.
func readTable(ctx context.Context, from *sqlx.Conn, name string) (*movedTable, error) {
	t := &movedTable{name: name}
	if err := from.SelectContext(ctx, &t.columns, `SELECT name FROM pragma_table_info(?) ORDER BY cid`, name); err != nil {
		return nil, err
	}
	if err := from.SelectContext(ctx, &t.key, `SELECT cid FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk`, name); err != nil {
		return nil, err
	}
	return t, from.GetContext(ctx, &t.rows, `SELECT count(*) FROM `+name)
}

// query returns what reads all rows in the order of the primary key, in which ordered spells a column.
func (t *movedTable) query(ordered func(column string) string) string {
	var order []string
	for _, i := range t.key {
		order = append(order, ordered(t.columns[i]))
	}
	return `SELECT ` + strings.Join(t.columns, ", ") + ` FROM ` + t.name + ` ORDER BY ` + strings.Join(order, ", ")
}

// inSource and inTarget spell a column by which rows are ordered.
func (t *movedTable) inSource(column string) string {
	if !t.altered {
		return column
	}
	return `CASE typeof(` + column + `) WHEN 'text' THEN ` + cleanedName + `(CAST(` + column + ` AS BLOB)) ELSE ` + column + ` END`
}

func (t *movedTable) inTarget(column string) string { return column }

// read calls do with every row of the source in order, as the target can keep it, and with how many texts that alters. The
// row is its own during the call only.
func (t *movedTable) read(ctx context.Context, from *sqlx.Conn, do func(row []any, altered int) error) error {
	return from.Raw(func(conn any) error {
		s, err := prepare(conn, t.query(t.inSource))
		if err != nil {
			return err
		}
		defer func() { _ = s.Close() }()
		row := make([]any, len(t.columns))
		return eachRow(ctx, s, nil, func(values []driver.Value) error {
			return do(row, t.clean(row, values))
		})
	})
}

// clean writes the values into row as the target can keep them, and returns how many that alters. It notes when the key is.
func (t *movedTable) clean(row []any, values []driver.Value) (altered int) {
	for i, v := range values {
		row[i] = v
		switch v := v.(type) {
		case string:
			if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
				row[i] = cleaned(v)
				t.altered = t.altered || slices.Contains(t.key, i)
				altered++
			}
		case []byte:
			if v == nil { // so the driver spells an empty one, and PostgreSQL's driver null
				row[i] = []byte{}
			}
		}
	}
	return altered
}

// cleaned returns the text with U+FFFD in the place of what PostgreSQL has no place for: NUL, and bytes that are no UTF-8.
func cleaned(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return utf8.RuneError
		}
		return r
	}, s)
}

const cleanedName = "keydesk_cleaned"

// defineCleaned has connections to SQLite that are opened from now on order rows by cleaned texts. It is given bytes,
// because a text would end at its first NUL.
var defineCleaned = sync.OnceValue(func() error {
	return sqlite.RegisterDeterministicScalarFunction(cleanedName, 1,
		func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			text, _ := args[0].([]byte)
			return cleaned(string(text)), nil
		})
})
