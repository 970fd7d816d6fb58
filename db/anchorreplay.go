package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// replay does the deactivations again that are lost, as they were: the log is then the one that was lost.
func (db *DB) replay(ctx context.Context, w *sqlx.DB, l *look) error {
	inner, err := w.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer func() { _ = inner.Rollback() }()
	err = l.eachLost(func(c access.Change, traces []access.Trace) error {
		t := &tx{Tx: inner, actor: access.Actor{UserID: c.Actor, Address: c.Address}, at: c.At, signing: db.Secrets().Signing}
		if err := t.next(ctx); err != nil {
			return err
		}
		if err := t.deactivate(ctx, traces[0].Reason, `id = ?`, c.KeyID); err != nil {
			return err
		}
		return t.record(ctx, c.Action, access.Change{UserID: c.UserID, KeyID: c.KeyID, Detail: c.Detail})
	})
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	head, err := readHead(ctx, inner)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	root, err := access.Tree{Size: head.Number, Edge: head.Edge}.Root()
	if err != nil || head.Number != l.size || root != l.signed.Root {
		return errors.Join(err, fmt.Errorf("%s: the keys that were deactivated since are no longer as they were; "+
			"restore another backup: %w", l.path, ErrBehind))
	}
	return db.endReplay(ctx, inner, head.Number)
}

// endReplay ends the sessions, of which some may have been over, and the recovery codes, likewise, and commits.
func (db *DB) endReplay(ctx context.Context, inner *sqlx.Tx, number int64) error {
	if _, err := affect(ctx, inner, `DELETE FROM sessions`); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if err := endRecoveryCodes(ctx, inner, db.Now()); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if db.tellChange != "" {
		if _, err := inner.ExecContext(ctx, db.tellChange); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
	}
	if err := inner.Commit(); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	db.everywhere(ctx, number)
	return nil
}

// eachLost calls do with the entries that are lost.
func (l *look) eachLost(do func(access.Change, []access.Trace) error) (err error) {
	f, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return eachAnchorLine(f, l.lost.from, l.end, func(_ int64, line anchorLine) error {
		if line.Entry == nil {
			return nil
		}
		c, traces, err := access.ParseEntry(line.Entry)
		if err != nil {
			return err
		}
		return do(c, traces)
	})
}

// continueLog has the log go on behind what is lost, in a change of the desk's own. Keys that were deactivated in it are ended
// again, when and by whom it was, and open links are withdrawn, which may have been used. If it is not known what is lost,
// because the anchor is, keys and links stay. Sessions end in any case: they may have been over. What the log signs from
// there on is of another name, so that it contradicts nothing that was signed before.
func (db *DB) continueLog(ctx context.Context, w *sqlx.DB, l *look) error {
	inner, err := w.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	defer func() { _ = inner.Rollback() }()
	t := &tx{Tx: inner, actor: access.TheSystem(), at: db.Now(), signing: db.Secrets().Signing}
	entry, err := t.run(ctx, access.Restore, func(ctx context.Context, t *tx) (access.Change, error) {
		if err := db.renameLog(ctx, t, l); err != nil {
			return access.Change{}, err
		}
		if l.lost == nil {
			return access.Change{Detail: MissingAnchor + ": the anchor is made anew"}, nil
		}
		if err := t.endLost(ctx, l); err != nil {
			return access.Change{}, err
		}
		return access.Change{Detail: l.lost.name + ": " + l.lost.what()}, t.withdrawLinks(ctx, `1 = 1`)
	})
	if err == nil {
		err = t.record(ctx, access.Restore, entry)
	}
	if err != nil {
		return fmt.Errorf("go on: %w", err)
	}
	if err := db.vault.load(ctx, inner, db.Now()); err != nil {
		return err
	}
	return db.endReplay(ctx, inner, t.number)
}

// renameLog gives the log another name and key, unless it has one already that the anchor does not know. Of a missing
// anchor it does not while others are at work: they were there all along.
func (db *DB) renameLog(ctx context.Context, t *tx, l *look) error {
	if l.lost != nil && t.log.Origin != l.signed.Origin {
		return nil
	}
	var others bool
	if db.shared {
		if err := t.GetContext(ctx, &others, `SELECT EXISTS (SELECT 1 FROM leases)`); err != nil {
			return err
		}
	}
	switch {
	case others && l.lost == nil:
		return nil
	case others:
		return errors.New("other instances are at work on the database; stop them first")
	}
	t.log.Origin = "keydesk/" + newID()
	rows, err := sealedRows(ctx, t)
	if err != nil {
		return err
	}
	m, err := db.maker(t.Tx, rows)
	if err != nil {
		return err
	}
	key, _, err := m.signingKey(ctx, t.log.Origin)
	t.signing = []note.Signer{key}
	return err
}

// endLost ends the keys again that were deactivated in what is lost.
func (t *tx) endLost(ctx context.Context, l *look) error {
	return l.eachLost(func(c access.Change, traces []access.Trace) error {
		for _, trace := range traces {
			if trace.Table != "keys" || !trace.Deactivated {
				continue
			}
			if err := t.endAgain(ctx, c, trace.Reason, `id = ?`, trace.ID); err != nil {
				return err
			}
		}
		if len(traces) == 0 {
			return t.endUntraced(ctx, c)
		}
		return nil
	})
}

// endUntraced does so for an entry from before the log had traces.
func (t *tx) endUntraced(ctx context.Context, c access.Change) error {
	switch {
	case isDeactivation(c.Action):
		return t.endAgain(ctx, c, c.Detail, `id = ?`, c.KeyID)
	case c.Action == access.DisableUser:
		return t.endAgain(ctx, c, reasonDisabled, `user_id = ? AND created_at <= ?`, c.UserID, micros(c.At))
	case c.Action == access.ChangeRole && strings.HasSuffix(c.Detail, " to "+string(access.Admin)):
		return t.endAgain(ctx, c, reasonAdmin, `user_id = ? AND created_at <= ?`, c.UserID, micros(c.At))
	}
	return nil
}

// endAgain ends the active keys that the condition selects, when and by whom it was.
func (t *tx) endAgain(ctx context.Context, c access.Change, reason, where string, args ...any) error {
	active := `deactivated_at IS NULL AND ` + where
	n, err := t.watch(ctx, "keys", active, args...)
	if err != nil || n == 0 {
		return err
	}
	for i := range t.watched[len(t.watched)-n:] {
		row := &t.watched[len(t.watched)-n+i]
		row.Deactivated, row.Reason = true, reason
	}
	_, err = affect(ctx, t, `UPDATE keys SET deactivated_at = ?, deactivated_by = ?, reason = ?, change = ? WHERE `+active,
		append([]any{micros(c.At), c.Actor, reason, t.number}, args...)...)
	return err
}
