package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// Moved is what Move has moved.
type Moved struct {
	To          string // the target, without the password
	Users, Keys int
	Altered     int  // texts that PostgreSQL cannot keep as they were
	Damaged     int  // rows of new uses that did not read, which are left out
	MadeUp      bool // people and keys are
}

// Move copies all that is in an SQLite database to a PostgreSQL database without anything in it, and commits when each row
// of both was compared: on an error there is as little in the target as before, and it can be moved again. What is sealed
// stays sealed under the same root secret. Nobody else can open either database meanwhile. The target is looked at, and the
// root secret must open what is sealed in the source, before anything is written. The source is opened as Open does, its
// new uses are merged, and then it is left as it is. Rows are counted when they are copied and again when they are
// compared; progress is told of each.
func Move(ctx context.Context, from Options, to string, progress func(done, total int)) (m Moved, err error) {
	if err := Exists(ctx, from.Database); err != nil {
		return m, err
	}
	if err := defineCleaned(); err != nil {
		return m, fmt.Errorf("move: %w", err)
	}
	t, err := holdTarget(ctx, to)
	if err != nil {
		return m, err
	}
	defer t.release()
	source, err := Open(ctx, from)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	m.To = t.String()
	if err = t.makeTables(ctx); err == nil {
		err = source.moveTo(ctx, t, &m, progress)
	}
	if err != nil && !errors.Is(err, access.ErrUnsure) {
		err = fmt.Errorf("nothing was moved from %s to %s: %w", from.Database, m.To, reason(ctx, err))
	}
	return m, err
}

// reason says in other words why it failed, or what to do about it, where an error does not say so itself.
func reason(ctx context.Context, err error) error {
	code := postgresCode(err)
	switch {
	case ctx.Err() != nil: // whatever else that leads to
		return fmt.Errorf("it was stopped: %w", ctx.Err())
	case corrupt(err):
		return ErrDamaged
	case code == "42501":
		return fmt.Errorf("%w; the role must own the tables, and may make them where there are none", err)
	case strings.HasPrefix(code, "23"):
		return fmt.Errorf("%w: some rows of the source contradict others, which somebody must have written around keydesk", err)
	}
	return err
}

// moveTo copies and compares all tables in one transaction of the target, from one state of the source.
func (db *DB) moveTo(ctx context.Context, t *target, m *Moved, progress func(done, total int)) (err error) {
	if m.Damaged, err = db.mergeEverything(ctx); err != nil {
		return fmt.Errorf("merge uses: %w", err)
	}
	if m.MadeUp, err = db.MadeUp(ctx); err != nil {
		return err
	}
	conn, err := db.exports.Connx(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer func() { _ = conn.Close() }()
	shot, err := db.takeSnapshot(ctx, []*sqlx.Conn{conn})
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	defer shot.end()
	c, err := newCopying(ctx, conn, t.conn, progress)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	tx, err := t.conn.Begin(ctx) // which ends with the connection, if not by a commit
	if err != nil {
		return err
	}
	if err := c.all(ctx); err != nil {
		return err
	}
	m.Users, m.Keys, m.Altered = c.rows("users"), c.rows("keys"), c.altered
	// Who gives up now would not know what became of it.
	if err := tx.Commit(context.WithoutCancel(ctx)); notCommitted(err) {
		return err
	} else if err != nil {
		return fmt.Errorf("commit: %w (%w: if the target is then refused because there is something in it, all was moved)",
			err, access.ErrUnsure)
	}
	return nil
}

// mergeEverything merges all new uses: PostgreSQL's last uses are not looked for among them. It returns how many rows did
// not read.
func (db *DB) mergeEverything(ctx context.Context) (damaged int, err error) {
	type left struct{ uses, parts int }
	for before := (left{-1, -1}); ; {
		now := left{db.recent.waiting(), len(db.recent.fullestFirst())}
		if now.parts == 0 || now == before { // what cannot be merged is moved as it is
			return damaged, ctx.Err()
		}
		before = now
		if err := ctx.Err(); err != nil {
			return damaged, err
		}
		m, err := db.mergeSome(ctx)
		if err != nil {
			return damaged, err
		}
		damaged += m.damaged
	}
}
