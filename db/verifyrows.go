package db

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// tracedTables are those whose rows are compared with the log.
var tracedTables = [...]string{"users", "keys", "links", "passkeys", "recovery_codes"}

// rowKey tells a row of a table by half a SHA-256, which is short and always as long.
type rowKey [16]byte

func keyOf(table, id string) rowKey {
	sum := sha256.Sum256([]byte(table + "\x00" + id))
	return rowKey(sum[:])
}

// digest of a row; the zero one is of none.
type digest [sha256.Size]byte

// rowState is what the log says last of a row.
type rowState struct {
	is    digest
	entry int64 // that says so
	link  bool
	seen  bool // the row is there
}

// wholeTable is a trace of a whole table, and what the rows of which later entries say something were then.
type wholeTable struct {
	access.Trace
	entry int64
	was   map[rowKey]digest
	now   *tableDigest
}

// trace takes note of what an entry says of a row.
func (v *logCheck) trace(e access.Change, t access.Trace) {
	is, err1 := parseDigest(t.Is)
	was, err2 := parseDigest(t.Was)
	if tracedColumns(t.Table) == "" || err1 != nil || err2 != nil {
		v.find("entry %d says what cannot be of %s %s", e.Number, t.Table, t.ID)
		return
	}
	if t.ID == "" {
		v.wholes = append(v.wholes, &wholeTable{t, e.Number, map[rowKey]digest{}, newTableDigest()})
		return
	}
	key := keyOf(t.Table, t.ID)
	before, told := v.rows[key]
	switch {
	case told && before.is != was:
		v.find("%s was changed behind the log's back, after entry %d and before entry %d", nameRow(t.Table, t.ID, e), before.entry, e.Number)
	case !told && was != (digest{}) && !v.wasWhole(t.Table):
		v.find("%s was there before entry %d, but no entry made it", nameRow(t.Table, t.ID, e), e.Number)
	}
	for _, whole := range v.wholes {
		if _, later := whole.was[key]; whole.Table == t.Table && !later {
			whole.was[key] = was
		}
	}
	v.rows[key] = rowState{is: is, entry: e.Number, link: t.Table == "links"}
}

// wasWhole tells whether an entry wrote the whole table down.
func (v *logCheck) wasWhole(table string) bool {
	for _, whole := range v.wholes {
		if whole.Table == table {
			return true
		}
	}
	return false
}

// checkRows compares the rows that there are with what the log says of them.
func (v *logCheck) checkRows(ctx context.Context, t *sqlx.Tx) error {
	counts := [...]*int64{&v.state.Users, &v.state.Keys, &v.state.Links, &v.state.Passkeys, &v.state.Codes}
	for i, table := range tracedTables {
		var wrong []any // ids; looked up when the rows have been read: a connection does one thing at a time
		err := allDigests(ctx, t, table, func(id any, now []byte) {
			*counts[i]++
			if !v.row(table, rowID(id), digest(now)) {
				if wrong = append(wrong, id); len(wrong) > mostFindings {
					wrong, v.state.More = wrong[:mostFindings], v.state.More+1
				}
			}
		})
		if err != nil {
			return err
		}
		for _, id := range wrong {
			if err := v.wrongRow(ctx, t, table, id); err != nil {
				return err
			}
		}
	}
	for _, whole := range v.wholes {
		if whole.now.rows != whole.Count || whole.now.sum() != whole.Is {
			v.find("%s: of the rows that were there at entry %d (%d) and were not changed since by an entry, some are missing, "+
				"were changed or were added", whole.Table, whole.entry, whole.Count)
		}
	}
	return v.missing(ctx, t)
}

// row tells whether a row is as the log says.
func (v *logCheck) row(table, id string, now digest) bool {
	key := keyOf(table, id)
	state, told := v.rows[key]
	for _, whole := range v.wholes {
		if whole.Table != table {
			continue
		}
		then, later := whole.was[key]
		if !later {
			then = now
		}
		if then != (digest{}) {
			whole.now.add(then[:])
		}
	}
	state.seen = true
	if told {
		v.rows[key] = state
	}
	return told && state.is == now || !told && v.wasWhole(table)
}

// wrongRow says what is wrong with a row.
func (v *logCheck) wrongRow(ctx context.Context, t *sqlx.Tx, table string, id any) error {
	var about access.Change
	if table == "keys" {
		err := t.GetContext(ctx, &about.UserID, t.Rebind(`SELECT user_id FROM keys WHERE id = ?`), id)
		if err != nil {
			return err
		}
	}
	name := nameRow(table, rowID(id), about)
	if state, told := v.rows[keyOf(table, rowID(id))]; told {
		v.find("%s is not as entry %d left it", name, state.entry)
	} else {
		v.find("%s was made by no entry", name)
	}
	return nil
}

// missing looks for users and keys that the log says are there. Links that have expired are forgotten, so those may be
// missing.
func (v *logCheck) missing(ctx context.Context, t *sqlx.Tx) error {
	lost := map[int64][]rowKey{} // by the entry that told of them last
	for key, state := range v.rows {
		if !state.seen && !state.link && state.is != (digest{}) {
			lost[state.entry] = append(lost[state.entry], key)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(lost)) {
		if len(v.state.Findings) == mostFindings {
			v.state.More += len(lost[number])
			continue
		}
		entries, err := entryAt(ctx, t, number)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := v.lost(e.Change, lost[number]); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost names the rows that an entry left there, and that are missing.
func (v *logCheck) lost(e access.Change, keys []rowKey) error {
	traces, err := access.ParseTraces(e.Traces)
	if err != nil {
		return err
	}
	for _, trace := range traces {
		if slices.Contains(keys, keyOf(trace.Table, trace.ID)) {
			v.find("%s is missing; entry %d left it there", nameRow(trace.Table, trace.ID, e), e.Number)
		}
	}
	return nil
}

// nameRow names a row for the operator; of a key it says whose it is, as far as the entry tells.
func nameRow(table, id string, about access.Change) string {
	switch {
	case table == "users":
		return "user " + id
	case table == "links":
		return "link " + id
	case table == "passkeys":
		return "passkey " + id
	case table == "recovery_codes":
		return "recovery code " + id
	case about.UserID == "":
		return "key " + id
	}
	return fmt.Sprintf("key %s of %s", id, about.UserID)
}

var errDigest = errors.New("no digest")

func parseDigest(text string) (d digest, err error) {
	if text == "" {
		return d, nil
	}
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) != len(d) {
		return d, errDigest
	}
	return digest(bytes), nil
}
