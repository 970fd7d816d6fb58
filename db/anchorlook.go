package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize/english"
	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
)

// Errors of an anchor. Each is completed by which file it is about.
var (
	ErrAnchorInUse   = errors.New("another keydesk process is using the anchor; give each its own, with --anchor")
	ErrNoAnchor      = errors.New("the anchor is missing, without which keys that were deactivated since a backup may come back; put the file back, or start with --accept-loss " + MissingAnchor)
	ErrAnchorEmpty   = errors.New("the anchor is empty, which Keydesk never leaves it; put a copy of it back, or start with --accept-loss " + MissingAnchor + ": keys that were deactivated since a backup may then come back")
	ErrAnchorDamaged = errors.New("the anchor is damaged, or was altered; put a copy of it back, or move it away and start with --accept-loss " + MissingAnchor)
	ErrAnchorForeign = errors.New("the anchor is that of another database; name the right one with --anchor, or move this one away")
	ErrEmpty         = errors.New("there is nothing in the database; restore a backup first, or move the anchor away to begin anew")
	ErrBehind        = errors.New("the database is older than its anchor")
)

// MissingAnchor is the name of the loss of an anchor.
const MissingAnchor = "missing-anchor"

// look is a comparison of an anchor with the database, before anything in either is changed.
type look struct {
	path     string
	database string // as it may be shown
	accept   string
	there    bool // the file is, and there is something in it
	empty    bool // the file is, and there is nothing in it
	anchored bool // the database has had an anchor before
	size     int64
	signed   access.Checkpoint // of the anchor's last entry
	end      int64             // of the file, in bytes
	verifier string            // of the file's last head, as far as it was read
	entries  int64             // in the database
	origin   string            // of its log; empty for one that has no tree yet
	lost     *loss             // nil where the database has all that the anchor has
}

// lookAtAnchor compares the anchor with the database, which may be one of an older version that has no tree yet, and
// refuses what the operator has to know of first. It reads only the end of the anchor where that is enough.
func lookAtAnchor(ctx context.Context, q querier, version int64, root access.RootSecret, o Options) (l *look, err error) {
	if o.Anchor == "" {
		return nil, nil
	}
	l = &look{path: o.Anchor, database: Shown(o.Database), accept: o.AcceptLoss}
	var verifiers []string
	if version >= treeVersion {
		if verifiers, err = signingVerifiers(ctx, q, root); err != nil {
			return nil, err
		}
		err = q.QueryRowxContext(ctx, `SELECT number, origin, anchored FROM audit_head`).Scan(&l.entries, &l.origin, &l.anchored)
	} else if version > 0 {
		err = sqlx.GetContext(ctx, q, &l.entries, `SELECT number FROM audit_head`)
	}
	if err != nil {
		return nil, fmt.Errorf("look at anchor: %w", err)
	}
	if err := l.compare(ctx, q, verifiers); err != nil {
		return nil, err
	}
	return l, l.refuse(ctx, q)
}

// appendTo has what is appended to the anchor from now on come behind what is sure of it.
func (l *look) appendTo(a *anchor) {
	if l != nil {
		a.end, a.size, a.verifier = l.end, l.size, l.verifier
	}
}

// treeVersion is the migration since which the audit log is a tree.
const treeVersion = 7

// compare reads as much of the file as it takes to know what the database lacks of it.
func (l *look) compare(ctx context.Context, q querier, verifiers []string) (err error) {
	f, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if l.empty = info.Size() == 0; l.empty {
		return nil
	}
	end, err := findAnchorEnd(f)
	if err != nil {
		return l.damaged(err)
	}
	l.there, l.end, l.verifier = true, end.at, end.head.Verifier
	if end.last.Checkpoint == "" {
		return nil // of a log without changes
	}
	if l.signed, err = access.ReadCheckpoint(end.last.Checkpoint); err != nil {
		return l.damaged(err)
	}
	last, _, err := access.ParseEntry(end.last.Entry)
	if err != nil || last.Number != l.signed.Size {
		return l.damaged(errors.Join(err, errors.New("its last checkpoint is not that of its last entry")))
	}
	l.size = l.signed.Size
	list, err := access.ParseVerifiers(verifiers)
	if err != nil {
		return err
	}
	_, unknown := access.OpenCheckpoint(end.last.Checkpoint, list)
	// A short file is read as a whole, so that what was altered in the middle of it is found before it is needed.
	if unknown == nil && l.size <= l.entries && end.at > mostChecked/4 {
		if same, err := l.sameRoot(ctx, q); err != nil || same {
			return err
		}
	}
	return l.compareAll(ctx, q, f, end, unknown)
}

// sameRoot tells whether the database's tree of as many entries is the one that the anchor ends with.
func (l *look) sameRoot(ctx context.Context, q querier) (bool, error) {
	tree, err := storedTree(ctx, q, l.size)
	if err != nil {
		return false, err
	}
	root, err := tree.Root()
	return root == l.signed.Root, err
}

// damaged says of the file that it is damaged, and why.
func (l *look) damaged(why error) error {
	return fmt.Errorf("%s: %w (%w)", l.path, ErrAnchorDamaged, why)
}

// storedTree returns the tree of the first entries, from the hashes that stand with them.
func storedTree(ctx context.Context, q querier, size int64) (access.Tree, error) {
	t := access.Tree{Size: size}
	for level := 62; level >= 0; level-- {
		whole := size >> level
		if whole&1 == 0 {
			continue
		}
		var hashes []byte
		err := sqlx.GetContext(ctx, q, &hashes, q.Rebind(`SELECT hashes FROM audit WHERE number = ?`), whole<<level)
		if err != nil {
			return t, fmt.Errorf("read audit log: %w", err)
		}
		if len(hashes) < (level+1)*tlog.HashSize {
			return t, ErrLogDamaged
		}
		t.Edge = append(t.Edge, hashes[level*tlog.HashSize:(level+1)*tlog.HashSize]...)
	}
	return t, nil
}

// refuse returns why the database is not to be opened with this anchor, unless the operator has accepted that.
func (l *look) refuse(ctx context.Context, q querier) error {
	lacking := !l.there && l.anchored && l.entries > 0 && l.accept != MissingAnchor
	switch {
	case lacking && l.empty:
		return fmt.Errorf("%s: %w", l.path, ErrAnchorEmpty)
	case lacking:
		return fmt.Errorf("%s: %w", l.path, ErrNoAnchor)
	case l.lost == nil:
		return nil
	case l.entries == 0:
		return fmt.Errorf("%s: %w; %s holds %s of the former one", l.database, ErrEmpty, l.path, english.Plural(int(l.size), "change", ""))
	case l.lost.after == 0:
		return fmt.Errorf("%s: %w", l.path, ErrAnchorForeign)
	}
	err := l.lost.wasAccepted(ctx, q)
	if err != nil || l.lost.accepted {
		return err
	}
	if l.lost.exact || l.accept == l.lost.name {
		return nil
	}
	return fmt.Errorf("%w %s: %s", ErrBehind, l.path, l.lost)
}
