package db

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jmoiron/sqlx"
)

// exportReaders is how many connections read an export, each a part in turn: two cores are faster than one.
const exportReaders = 2

// snapshotTries is how often two connections are to see the same, before one goes alone. They fail to when a change is
// committed between two short statements.
const snapshotTries = 20

// snapshot is connections that all see the database as it was at one and the same instant.
type snapshot struct{ conns []*sqlx.Conn }

// takeSnapshot begins a read on as many of the connections, two at most, as can see the same.
func (d *dialect) takeSnapshot(ctx context.Context, conns []*sqlx.Conn) (*snapshot, error) {
	first, tries := conns[0], snapshotTries
	if len(conns) == 1 {
		tries = 0
	}
	for range tries {
		s, second := &snapshot{conns}, conns[1]
		same, err := d.beginBoth(ctx, first, second)
		if err == nil && same {
			return s, nil
		}
		s.end()
		if err != nil {
			return nil, err
		}
	}
	s := &snapshot{conns[:1]}
	if err := d.beginToRead(ctx, first); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// beginBoth begins a read on both and tells whether they see the same: so it is if nothing was committed from before the
// first began until the second had begun.
func (d *dialect) beginBoth(ctx context.Context, first, second *sqlx.Conn) (same bool, err error) {
	before, err := dataVersion(ctx, second)
	if err != nil {
		return false, err
	}
	if err := errors.Join(d.beginToRead(ctx, first), d.beginToRead(ctx, second)); err != nil {
		return false, err
	}
	after, err := dataVersion(ctx, second)
	return before == after, err
}

// beginToRead begins a transaction that sees the database as it is now.
func (d *dialect) beginToRead(ctx context.Context, conn *sqlx.Conn) error {
	if _, err := conn.ExecContext(ctx, d.begin); err != nil {
		return err
	}
	var number int64
	return conn.GetContext(ctx, &number, `SELECT number FROM audit_head`)
}

// dataVersion returns a number that changes when another connection has committed since this one looked last.
func dataVersion(ctx context.Context, conn *sqlx.Conn) (version int64, err error) {
	err = conn.GetContext(ctx, &version, `PRAGMA data_version`)
	return version, err
}

// end gives the snapshot up, once. A connection that cannot is not used again.
func (s *snapshot) end() {
	conns := s.conns
	s.conns = nil
	for _, conn := range conns {
		if _, err := conn.ExecContext(context.Background(), `ROLLBACK`); err != nil {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
}
