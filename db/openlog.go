package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"
	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// ErrLogDamaged says that the audit log does not end as this desk has signed that it does.
var ErrLogDamaged = errors.New("the audit log's checkpoint is damaged, or not of this log; `keydesk audit verify` says more; " +
	"restore a backup")

// openLog opens the keys that sign the audit log, and checks that it ends as they have signed. A log that has no tree yet
// gets one, in which its former entries are the first leaves.
func (db *DB) openLog(ctx context.Context, w *sqlx.DB) error {
	t, err := w.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	defer func() { _ = t.Rollback() }()
	var log auditLog
	if err := t.GetContext(ctx, &log, `SELECT number, origin, edge FROM audit_head`); err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	if log.Origin == "" {
		if err := db.beginLog(ctx, t, log.Number); err != nil {
			return fmt.Errorf("begin audit log: %w", err)
		}
	}
	if err := db.vault.load(ctx, t, db.Now()); err != nil {
		return err
	}
	if err := db.checkLog(ctx, t); err != nil {
		return err
	}
	return t.Commit()
}

// beginLog has the log begin as a tree, from the entries that there are.
func (db *DB) beginLog(ctx context.Context, inner *sqlx.Tx, entries int64) error {
	origin := "keydesk/" + newID()
	rows, err := sealedRows(ctx, inner)
	if err != nil {
		return err
	}
	m, err := db.maker(inner, rows)
	if err != nil {
		return err
	}
	key, _, err := m.signingKey(ctx, origin)
	if err != nil {
		return err
	}
	if entries == 0 {
		_, err := affect(ctx, inner, `UPDATE audit_head SET origin = ?`, origin)
		return err
	}
	tree, err := hashEntries(ctx, inner)
	if err != nil {
		return err
	}
	t := &tx{Tx: inner, actor: access.TheSystem(), at: db.Now(), signing: []note.Signer{key}}
	entry, err := t.run(ctx, access.BeginLog, func(ctx context.Context, t *tx) (access.Change, error) {
		t.log.Origin, t.log.Edge = origin, tree.Edge
		detail := english.Plural(int(entries), "entry", "") + " before this one"
		return access.Change{Detail: detail}, errors.Join(t.traceTable(ctx, "users"), t.traceTable(ctx, "keys"), t.traceLinks(ctx))
	})
	if err != nil {
		return err
	}
	return t.record(ctx, access.BeginLog, entry)
}

// traceLinks writes down what links there are, each by itself: old ones are forgotten.
func (t *tx) traceLinks(ctx context.Context) error {
	return allDigests(ctx, t.Tx, "links", func(id any, digest []byte) {
		t.traces = append(t.traces, access.Trace{Table: "links", ID: rowID(id), Is: spell(digest)})
	})
}

// hashEntries writes the hashes of entries down that have none, and returns the tree of them.
func hashEntries(ctx context.Context, t *sqlx.Tx) (tree access.Tree, err error) {
	const some = 1000
	for {
		entries, err := entriesAfter(ctx, t, tree.Size, some)
		if err != nil || len(entries) == 0 {
			return tree, err
		}
		for _, e := range entries {
			leaf, err := e.Entry()
			if err != nil {
				return tree, err
			}
			var hashes []byte
			if tree, hashes, err = tree.Append(leaf); err != nil {
				return tree, err
			}
			if _, err := affect(ctx, t, `UPDATE audit SET hashes = ? WHERE number = ?`, hashes, e.Number); err != nil {
				return tree, err
			}
		}
	}
}

// checkLog returns nil if the log's tree is the one that its checkpoint was signed of.
func (db *DB) checkLog(ctx context.Context, q querier) error {
	head, err := readHead(ctx, q)
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	if head.Number == 0 && head.Checkpoint == "" {
		return nil
	}
	verifiers, err := access.ParseVerifiers(db.Secrets().Verifiers)
	if err != nil {
		return err
	}
	signed, err := access.OpenCheckpoint(head.Checkpoint, verifiers)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrLogDamaged, err)
	}
	tree := access.Tree{Size: head.Number, Edge: head.Edge}
	if root, err := tree.Root(); err != nil || signed != (access.Checkpoint{Origin: head.Origin, Size: head.Number, Root: root}) {
		return ErrLogDamaged
	}
	return nil
}
