package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"
	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// mostFindings is how many findings are told of one by one.
const mostFindings = 20

// LogState is what a check of the audit log has seen.
type LogState struct {
	access.Checkpoint
	Users, Keys, Links int64    // rows that were compared with what the log says of them
	Passkeys, Codes    int64    // likewise
	Findings           []string // what is wrong, a line each; the first few
	More               int      // findings that are not listed
}

// Sound tells whether nothing is wrong.
func (s LogState) Sound() bool { return len(s.Findings) == 0 }

// VerifyLog checks the whole audit log against its tree, the tree against its checkpoint, which one of the verifiers' keys
// must have signed, the rows of users, keys, links, passkeys and recovery codes against what the entries made of them, and the triggers that guard all
// that against what this program makes. It reads one state of the database, some rows at a time, and keeps about 100 bytes in memory for each row that an entry names.
func (db *DB) VerifyLog(ctx context.Context, actor access.Actor, verifiers []string) (LogState, error) {
	if err := access.Check(actor, access.SeeLog); err != nil {
		return LogState{}, err
	}
	list, err := access.ParseVerifiers(verifiers)
	if err != nil {
		return LogState{}, err
	}
	t, err := db.read.BeginTxx(ctx, db.oneState)
	if err != nil {
		return LogState{}, fmt.Errorf("verify audit log: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	state, err := verifyLog(ctx, t, db.dialect, list)
	if err != nil {
		return LogState{}, fmt.Errorf("verify audit log: %w", err)
	}
	return state, nil
}

// verifyLog does so in a transaction that sees one state.
func verifyLog(ctx context.Context, t *sqlx.Tx, d *dialect, verifiers note.Verifiers) (LogState, error) {
	v := &logCheck{rows: map[rowKey]rowState{}}
	head, err := readHead(ctx, t)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return LogState{}, err
	}
	if err := v.entries(ctx, t); err != nil {
		return LogState{}, err
	}
	v.state.Origin, v.state.Size = head.Origin, head.Number
	if err != nil {
		v.find("audit_head has no row, so nothing says where the log ends")
	} else {
		v.checkHead(head, verifiers)
	}
	if err := v.checkRows(ctx, t); err != nil {
		return LogState{}, err
	}
	if err := v.checkSchema(ctx, t, d); err != nil {
		return LogState{}, err
	}
	return v.state, nil
}

// logHead is where the audit log ends.
type logHead struct {
	auditLog
	Checkpoint string `db:"checkpoint"`
}

func readHead(ctx context.Context, q querier) (head logHead, err error) {
	err = sqlx.GetContext(ctx, q, &head, `SELECT number, origin, edge, checkpoint FROM audit_head`)
	return head, err
}

// logCheck is a check of the audit log under way.
type logCheck struct {
	state  LogState
	tree   access.Tree // of the hashes that stand with the entries
	last   int64       // number of the last entry that was read
	gap    bool        // an entry is missing, so that the tree cannot be put together
	rows   map[rowKey]rowState
	wholes []*wholeTable
}

// find adds a finding.
func (v *logCheck) find(format string, args ...any) {
	if len(v.state.Findings) == mostFindings {
		v.state.More++
		return
	}
	v.state.Findings = append(v.state.Findings, fmt.Sprintf(format, args...))
}

// checkHead compares the entries with where the log says that it ends.
func (v *logCheck) checkHead(head logHead, verifiers note.Verifiers) {
	if head.Number != v.last {
		v.find("audit_head says that the log has %s, but its last one is entry %d", english.Plural(int(head.Number), "entry", ""), v.last)
	}
	if v.last == 0 && head.Number == 0 && head.Checkpoint == "" && len(head.Edge) == 0 {
		return // nothing was ever changed
	}
	signed, err := access.OpenCheckpoint(head.Checkpoint, verifiers)
	if err != nil {
		v.find("the log's checkpoint is not signed by the log's key (%v)", err)
		return
	}
	if !access.SpeltAsSigned(head.Checkpoint, verifiers) {
		v.find("the log's checkpoint is in another spelling than the log writes")
	}
	v.state.Root = signed.Root
	if signed.Origin != head.Origin {
		v.find("the log is called %q, but its checkpoint is of %q", head.Origin, signed.Origin)
	}
	if signed.Size != v.last {
		v.find("the checkpoint was signed of %s, but the last one is entry %d", english.Plural(int(signed.Size), "entry", ""), v.last)
	}
	if v.gap {
		return
	}
	if string(v.tree.Edge) != string(head.Edge) {
		v.find("audit_head does not have the edge of the tree of %s", english.Plural(int(v.last), "entry", ""))
	}
	if root, err := v.tree.Root(); signed.Size == v.last && (err != nil || root != signed.Root) {
		v.find("the entries up to %d are not those of which the checkpoint was signed: their root is %s, and not %s", v.last, root, signed.Root)
	}
}
