package db

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/keydesk/keydesk/access"
)

// tracedColumns returns what the audit log keeps of the rows of a table by their digests: its id first, and then all that
// only a change makes something of.
func tracedColumns(table string) string {
	return map[string]string{
		"users": `id, name, email, role, password_hash, created_at, disabled_at`,
		"keys": `id, number, user_id, hash, pepper_id, last4, name, once, created_at, deactivated_at, deactivated_by, reason,
			change`,
		"passkeys":       `id, user_id, handle, credential_id, record, name, created_at`,
		"recovery_codes": `hash, user_id, made_at`,
		"links":          `token_hash, user_id, issued_at, issued_by, issued_from, expires_at, used_at, used_from, withdrawn_at`,
	}[table]
}

// watchedRow is a row before the change.
type watchedRow struct {
	access.Trace
	id any // as the database has it
}

// watch looks at the rows that the condition selects, before the change makes something of them, and returns how many that
// are. What became of them is written down with the change.
func (t *tx) watch(ctx context.Context, table, where string, args ...any) (int, error) {
	before := len(t.watched)
	err := digestsWhere(ctx, t.Tx, table, where, args, func(id any, digest []byte) {
		t.watched = append(t.watched, watchedRow{access.Trace{Table: table, ID: rowID(id), Was: spell(digest)}, id})
	})
	return len(t.watched) - before, err
}

// made has a new row written down with the change.
func (t *tx) made(table string, id any) {
	t.watched = append(t.watched, watchedRow{access.Trace{Table: table, ID: rowID(id)}, id})
}

// traceTable writes down what there is in the whole table.
func (t *tx) traceTable(ctx context.Context, table string) error {
	whole := newTableDigest()
	if err := allDigests(ctx, t.Tx, table, func(_ any, digest []byte) { whole.add(digest) }); err != nil {
		return err
	}
	if whole.rows > 0 {
		t.traces = append(t.traces, access.Trace{Table: table, Count: whole.rows, Is: whole.sum()})
	}
	return nil
}

// traced returns what became of the watched rows, spelt for the entry. Of a row that was looked at twice the first counts.
func (t *tx) traced(ctx context.Context) (string, error) {
	seen := map[string]bool{}
	for _, row := range t.watched {
		if seen[row.Table+" "+row.ID] {
			continue
		}
		seen[row.Table+" "+row.ID] = true
		err := digestsWhere(ctx, t.Tx, row.Table, idColumn(row.Table)+` = ?`, []any{row.id}, func(_ any, digest []byte) {
			row.Is = spell(digest)
		})
		if err != nil {
			return "", err
		}
		if row.Is == row.Was {
			return "", fmt.Errorf("%s %s: %w", row.Table, row.ID, errHeld)
		}
		if row.Deactivated {
			if err := t.checkEnded(ctx, row.id); err != nil {
				return "", err
			}
		}
		t.traces = append(t.traces, row.Trace)
	}
	return access.FormatTraces(t.traces)
}

// errHeld says that something in the database undid what the change made of a row, such as a trigger that nobody here made.
var errHeld = errors.New("the row is as it was before the change")

// checkEnded returns errHeld if a key is active that the change has ended.
func (t *tx) checkEnded(ctx context.Context, id any) error {
	var active bool
	err := t.GetContext(ctx, &active, t.Rebind(`SELECT deactivated_at IS NULL FROM keys WHERE id = ?`), id)
	if err == nil && active {
		err = fmt.Errorf("keys %s: %w", rowID(id), errHeld)
	}
	return err
}

func idColumn(table string) string {
	switch table {
	case "links":
		return `token_hash`
	case "recovery_codes":
		return `hash`
	}
	return `id`
}

// digestsWhere tells of the rows that the condition selects, in the order of their ids.
func digestsWhere(ctx context.Context, q querier, table, where string, args []any, do func(id any, digest []byte)) error {
	return scanDigests(ctx, q, table, `WHERE `+where+` ORDER BY `+idColumn(table), args, do)
}

// allDigests tells of all rows, in the order of their ids. It reads some at a time: no statement takes long.
func allDigests(ctx context.Context, q querier, table string, do func(id any, digest []byte)) error {
	const some = 10_000
	where, args := `1 = 1`, []any{some}
	for {
		var last any
		n := 0
		err := scanDigests(ctx, q, table, `WHERE `+where+` ORDER BY `+idColumn(table)+` LIMIT ?`, args, func(id any, digest []byte) {
			last, n = id, n+1
			do(id, digest)
		})
		if err != nil || n < some {
			return err
		}
		where, args = idColumn(table)+` > ?`, []any{last, some}
	}
}

// scanDigests tells of the rows that the rest of the query selects.
func scanDigests(ctx context.Context, q querier, table, rest string, args []any, do func(id any, digest []byte)) error {
	rows, err := q.QueryxContext(ctx, q.Rebind(`SELECT `+tracedColumns(table)+` FROM `+table+` `+rest), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			return err
		}
		digest, err := rowDigest(table, row)
		if err != nil {
			return err
		}
		do(row[0], digest)
	}
	return rows.Err()
}

// rowDigest returns the SHA-256 of a row, in which each value is told by its kind and, where that varies, its length.
func rowDigest(table string, row []any) ([]byte, error) {
	text := append([]byte(table), 0)
	for _, value := range row {
		switch v := value.(type) {
		case nil:
			text = append(text, 'n')
		case int64:
			text = binary.BigEndian.AppendUint64(append(text, 'i'), uint64(v)) //nolint:gosec // in two's complement
		case string:
			text = append(binary.BigEndian.AppendUint64(append(text, 't'), uint64(len(v))), v...)
		case []byte:
			text = append(binary.BigEndian.AppendUint64(append(text, 'b'), uint64(len(v))), v...)
		default:
			return nil, fmt.Errorf("a row of %s holds a %T", table, value)
		}
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

// tableDigest is the digest of the digests of all rows.
type tableDigest struct {
	rows int64
	hash hash.Hash
}

func newTableDigest() *tableDigest { return &tableDigest{hash: sha256.New()} }

func (d *tableDigest) add(row []byte) {
	d.rows++
	d.hash.Write(row)
}

func (d *tableDigest) sum() string { return spell(d.hash.Sum(nil)) }

func spell(digest []byte) string { return base64.StdEncoding.EncodeToString(digest) }

// rowID spells the id of a row for the entry.
func rowID(id any) string {
	if bytes, ok := id.([]byte); ok {
		return spell(bytes)
	}
	return fmt.Sprint(id)
}
