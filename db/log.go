package db

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// auditLog is the audit log as far as it takes to write the next entry. While a change is under way, the number is that of
// the change.
type auditLog struct {
	Number int64  `db:"number"`
	Origin string `db:"origin"`
	Edge   []byte `db:"edge"`
}

// record writes the entry of the change, has the tree grow by it, and signs what the tree holds then.
func (t *tx) record(ctx context.Context, what access.Action, c access.Change) error {
	if err := t.enter(ctx, what, c); err != nil {
		return err
	}
	return t.seal(ctx)
}

// enter writes the entry of the change, and has the tree grow by it.
func (t *tx) enter(ctx context.Context, what access.Action, c access.Change) (err error) {
	c.Number, c.At, c.Actor, c.Address, c.Action = t.number, t.at, t.actor.UserID, t.actor.Address, what
	if c.Traces, err = t.traced(ctx); err != nil {
		return err
	}
	entry, err := c.Entry()
	if err != nil {
		return err
	}
	tree, hashes, err := access.Tree{Size: t.number - 1, Edge: t.log.Edge}.Append(entry)
	if err != nil {
		return err
	}
	_, err = affect(ctx, t, `INSERT INTO audit (number, at, actor, address, action, user_id, key_id, detail, traces, hashes)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.Number, micros(c.At), c.Actor, c.Address, c.Action, c.UserID, c.KeyID, c.Detail, c.Traces, hashes)
	t.log.Edge = tree.Edge
	t.logged = logged{number: c.Number, leaf: entry}
	return err
}

// seal signs what the tree holds with the change.
func (t *tx) seal(ctx context.Context) error {
	checkpoint, err := sign(t.log.Origin, access.Tree{Size: t.number, Edge: t.log.Edge}, t.signing, t.cosigns)
	if err != nil {
		return err
	}
	t.logged.checkpoint = checkpoint
	_, err = affect(ctx, t, `UPDATE audit_head SET origin = ?, edge = ?, checkpoint = ?`, t.log.Origin, t.log.Edge, checkpoint)
	return err
}

var errNoSigner = errors.New("no key to sign the audit log's checkpoints with")

// sign returns the signed checkpoint of the tree. The first of the keys that are of this log signs it, and others with it.
func sign(origin string, tree access.Tree, keys, others []note.Signer) (string, error) {
	root, err := tree.Root()
	if err != nil {
		return "", err
	}
	for _, key := range keys {
		if key.Name() == origin {
			return access.Checkpoint{Origin: origin, Size: tree.Size, Root: root}.Sign(append([]note.Signer{key}, others...)...)
		}
	}
	return "", fmt.Errorf("%s: %w", origin, errNoSigner)
}
