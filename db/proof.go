package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
)

// ErrNoLog says that there is no checkpoint yet.
var ErrNoLog = errors.New("nothing was changed here yet, so there is no checkpoint of the audit log")

// Head returns where the audit log ends. It trusts the database.
func (db *DB) Head(ctx context.Context, actor access.Actor) (head access.LogHead, err error) {
	err = db.readLog(ctx, actor, func(l *logReader) error {
		head = l.head
		return nil
	})
	return head, err
}

// LogProof returns an entry with its proof, and the checkpoint that it is one of.
func (db *DB) LogProof(ctx context.Context, actor access.Actor, number int64) (p access.Proof, head access.LogHead, err error) {
	err = db.readLog(ctx, actor, func(l *logReader) error {
		head = l.head
		entries, err := entryAt(ctx, l.tx, number)
		if err == nil && (len(entries) == 0 || head.Size == 0) {
			err = access.Refuse(access.NotFound, "", fmt.Sprintf("The audit log has no entry %d.", number))
		}
		if err != nil {
			return err
		}
		p, err = l.prove(entries[0])
		return err
	})
	return p, head, err
}

// LogConsistency returns the proof that what the log held when it had so many entries is what the log of now begins with
// (RFC 6962, 2.1.2), and the checkpoint of now. The log must have that many.
func (db *DB) LogConsistency(ctx context.Context, actor access.Actor, size int64) (p tlog.TreeProof, head access.LogHead, err error) {
	err = db.readLog(ctx, actor, func(l *logReader) (err error) {
		head = l.head
		if size < 1 || size > head.Size {
			return fmt.Errorf("the log has %d entries, not %d", head.Size, size)
		}
		p, err = tlog.ProveTree(head.Size, size, l)
		return err
	})
	return p, head, err
}

// ExportLog calls do with the entries of these numbers in their order, each with its proof, from one state of the
// database. begin is called first.
func (db *DB) ExportLog(ctx context.Context, actor access.Actor, from, to int64, begin func(access.LogHead) error, do func(access.Proof) error) error {
	return db.readLog(ctx, actor, func(l *logReader) error {
		if from > max(1, l.head.Size) {
			return access.Refuse(access.NotFound, "", fmt.Sprintf("The audit log has no entry %d: it ends with entry %d.", from, l.head.Size))
		}
		if err := begin(l.head); err != nil {
			return err
		}
		next := from
		err := eachEntry(ctx, l.tx, from, min(to, l.head.Size), func(e storedEntry) error {
			if e.Number != next {
				return errGap
			}
			next++
			p, err := l.prove(e)
			if err != nil {
				return err
			}
			return do(p)
		})
		if err == nil && next <= min(to, l.head.Size) {
			err = errGap
		}
		return err
	})
}

// readLog calls do with what reads one state of the audit log.
func (db *DB) readLog(ctx context.Context, actor access.Actor, do func(*logReader) error) error {
	if err := access.Check(actor, access.SeeLog); err != nil {
		return err
	}
	t, err := db.read.BeginTxx(ctx, db.oneState)
	if err != nil {
		return fmt.Errorf("read audit log: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	l, err := newLogReader(ctx, t)
	if err == nil {
		if err = do(l); err != nil && access.Refused(err, access.NotFound) == nil {
			err = l.gap(err)
		}
	}
	if err != nil && access.Refused(err, access.NotFound) == nil {
		err = fmt.Errorf("read audit log: %w", err)
	}
	return err
}

// errGap says that an entry is missing.
var errGap = errors.New("an entry is missing")

// gap returns which is the first entry that is missing, if that may be why of the error.
func (l *logReader) gap(why error) error {
	var missing int64
	err := l.tx.GetContext(l.ctx, &missing, `SELECT min(n) FROM (SELECT 1 AS n UNION ALL SELECT number + 1 FROM audit WHERE number > 0) AS next
		WHERE NOT EXISTS (SELECT 1 FROM audit WHERE number = n)`)
	if err != nil || missing > l.head.Size {
		return why // PostgreSQL takes no question in a transaction that has failed
	}
	return fmt.Errorf("entry %d is missing from it; `keydesk audit verify` says what else is wrong", missing)
}

func newLogReader(ctx context.Context, t *sqlx.Tx) (*logReader, error) {
	head, err := readHead(ctx, t)
	if err != nil {
		return nil, err
	}
	l := &logReader{ctx: ctx, tx: t, high: map[int64]tlog.Hash{}}
	err = t.SelectContext(ctx, &l.head.Verifiers, `SELECT verifier FROM signing_keys ORDER BY created_at DESC, id DESC`)
	if err != nil {
		return nil, err
	}
	l.head.Origin, l.head.Size, l.head.Signed = head.Origin, head.Number, head.Checkpoint
	if l.head.Size == 0 {
		return l, nil
	}
	// As whoever gets the proof will compute it: from the checkpoint.
	signed, err := access.ReadCheckpoint(head.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrLogDamaged, err)
	}
	if signed.Size != head.Number || signed.Origin != head.Origin {
		return nil, ErrLogDamaged
	}
	l.head.Checkpoint = signed
	return l, nil
}
