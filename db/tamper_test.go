package db_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// watched are the columns that a check must find altered, of each table; the first are the key.
var watched = map[string][]string{
	"audit":      {"number", "at", "actor", "address", "action", "user_id", "key_id", "detail", "traces", "hashes"},
	"audit_head": {"one", "number", "origin", "edge", "checkpoint"},
	"users":      {"id", "name", "email", "role", "password_hash", "created_at", "disabled_at"},
	"keys": {
		"id", "number", "user_id", "hash", "pepper_id", "last4", "name", "once", "created_at", "deactivated_at",
		"deactivated_by", "reason", "change",
	},
	"links": {"token_hash", "user_id", "issued_at", "issued_by", "issued_from", "expires_at", "used_at", "used_from", "withdrawn_at"},
}

// tampering is somebody who owns the database and some of its former states, but no key of the desk's.
type tampering struct {
	*rand.Rand
	sqlx.Ext
	former []string // files of former states of the database, oldest first
	heads  []head   // former rows of audit_head
	forger note.Signer
}

type head struct {
	Number     int64  `db:"number"`
	Edge       []byte `db:"edge"`
	Checkpoint string `db:"checkpoint"`
}

// ways are the ways of tampering. Each returns what it has done, or an error if it could not; then nothing is changed.
func (m *tampering) ways() map[string]func() (string, error) {
	return map[string]func() (string, error){
		"edit": m.edit, "deletion": m.remove, "insertion": m.insert, "reordering": m.reorder, "truncation": m.truncate, "rows set back": m.setBack,
	}
}

// do runs SQL of which it must change so many rows, or any where n is 0.
func (m *tampering) do(n int64, statement string, args ...any) error {
	done, err := m.Exec(m.Rebind(statement), args...)
	if err != nil {
		return err
	}
	if got, err := done.RowsAffected(); err != nil || got == 0 || n > 0 && got != n {
		return fmt.Errorf("%d rows: %w", got, err)
	}
	return nil
}

// row returns a row of a table at random.
func (m *tampering) row(table string) ([]any, error) {
	var n int
	if err := sqlx.Get(m, &n, `SELECT count(*) FROM `+table); err != nil || n == 0 {
		return nil, fmt.Errorf("%s has %d rows: %w", table, n, err)
	}
	key := watched[table][0]
	return m.QueryRowx(m.Rebind(`SELECT `+watchedList(table)+` FROM `+table+` ORDER BY `+key+` LIMIT 1 OFFSET ?`), m.IntN(n)).SliceScan()
}

func watchedList(table string) (list string) {
	for _, c := range watched[table] {
		list += ", " + c
	}
	return list[2:]
}

func (m *tampering) oneOf(list ...string) string { return list[m.IntN(len(list))] }

// edit alters one value of one row, and perhaps has the tree fit.
func (m *tampering) edit() (string, error) {
	table := m.oneOf("audit", "audit", "audit_head", "users", "keys", "links")
	row, err := m.row(table)
	if err != nil {
		return "", err
	}
	at := m.IntN(len(row))
	value := m.other(row[at])
	what := fmt.Sprintf("%s.%s of %v from %.40q to %.40q", table, watched[table][at], row[0], fmt.Sprint(row[at]), fmt.Sprint(value))
	err = m.do(1, `UPDATE `+table+` SET `+watched[table][at]+` = ? WHERE `+watched[table][0]+` = ?`, value, row[0])
	if err == nil && table == "audit" && watched[table][at] != "hashes" {
		return m.perhapsFit(what)
	}
	return what, err
}

// other returns another value of the same kind, or of none.
func (m *tampering) other(value any) any {
	switch v := value.(type) {
	case int64:
		if m.IntN(4) == 0 {
			return v ^ 1<<m.IntN(40)
		}
		return v + int64(m.IntN(2)*2-1)
	case []byte:
		if len(v) == 0 || m.IntN(3) == 0 {
			return append(slices.Clone(v), byte(m.IntN(256)))
		}
		changed := slices.Clone(v)
		changed[m.IntN(len(v))] ^= 1 << m.IntN(8)
		return changed
	case string:
		return m.otherText(v)
	}
	return []any{int64(7), "x"}[m.IntN(2)]
}

func (m *tampering) otherText(v string) any {
	if v == "" || m.IntN(4) == 0 {
		return v + m.oneOf("x", " ", "\n", "=", "\u200b")
	}
	at := m.IntN(len(v))
	switch m.IntN(3) {
	case 0:
		return v[:at] + v[at+1:]
	case 1:
		return v[:at] + string(v[at]^1) + v[at+1:]
	}
	return ""
}

// perhapsFit computes the tree anew, as the program does, and perhaps signs it, by another key of the same name.
func (m *tampering) perhapsFit(what string) (string, error) {
	if m.IntN(2) == 0 {
		return what, nil
	}
	var rows []access.Change
	if err := sqlx.Select(m, &rows, `SELECT number, actor, address, action, user_id AS userid, key_id AS keyid, detail, traces FROM audit ORDER BY number`); err != nil {
		return "", err
	}
	tree := access.Tree{}
	for _, c := range rows {
		var at int64
		if err := sqlx.Get(m, &at, m.Rebind(`SELECT at FROM audit WHERE number = ?`), c.Number); err != nil {
			return "", err
		}
		c.At = time.UnixMicro(at).UTC()
		entry, err := c.Entry()
		if err != nil {
			return "", err
		}
		var hashes []byte
		if tree, hashes, err = tree.Append(entry); err != nil {
			return "", err
		}
		if err := m.do(1, `UPDATE audit SET hashes = ? WHERE number = ?`, hashes, c.Number); err != nil {
			return "", err
		}
	}
	what += ", and the tree fits"
	if err := m.do(1, `UPDATE audit_head SET number = ?, edge = ?`, tree.Size, tree.Edge); err != nil || m.IntN(2) == 0 {
		return what, err
	}
	root, err := tree.Root()
	if err != nil {
		return "", err
	}
	signed, err := access.Checkpoint{Origin: m.forger.Name(), Size: tree.Size, Root: root}.Sign(m.forger)
	if err != nil {
		return "", err
	}
	return what + ", signed by another key", m.do(1, `UPDATE audit_head SET checkpoint = ?`, signed)
}

// goesOn tells whether the log of a database goes on from a checkpoint that was kept.
func goesOn(t testing.TB, reader *db.DB, kept access.Checkpoint) bool {
	t.Helper()
	head, err := reader.Head(t.Context(), access.TheOperator())
	if err != nil || head.Origin != kept.Origin || head.Size < kept.Size {
		return false
	}
	proof, head, err := reader.LogConsistency(t.Context(), access.TheOperator(), kept.Size)
	return err == nil && tlog.CheckTree(proof, head.Size, head.Root, kept.Size, kept.Root) == nil
}
