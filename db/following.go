package db

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/keydesk/keydesk/access"
)

// following is how this instance keeps up with the changes that others make, on a connection of its own.
type following struct {
	Follower
	db     *DB
	conn   *pgx.Conn              // nil while there is none
	id     atomic.Pointer[string] // of the lease; nil before there is one
	lease  lease
	until  atomic.Int64 // what the lease says, for those who ask from elsewhere
	others watch
	last   mark
	ending map[string]access.KeyChange // deactivated keys, by id, of which not every instance knows yet
}

// mark is when a change was made, by which it is known again.
type mark struct{ change, at int64 }

// connect makes the connection that changes are told of on, unless there is one.
func (f *following) connect(ctx context.Context) (err error) {
	if f.conn != nil {
		return nil
	}
	if f.conn, err = f.db.server.connect(ctx); err != nil {
		f.conn = nil
		return err
	}
	_, err = f.conn.Exec(ctx, `LISTEN keydesk_changes`)
	return err
}

func (f *following) disconnect() error {
	if f.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), again)
	defer cancel()
	err := f.conn.Close(ctx)
	f.conn = nil
	return err
}

// load tells of all keys. What is changed after it began is pulled later.
func (f *following) load(ctx context.Context) error {
	var known int64 // to every instance
	err := f.db.read.QueryRowxContext(ctx, `SELECT s.known, coalesce((SELECT at FROM audit WHERE number = s.known), 0) FROM (
		SELECT least(number, (SELECT min(applied) FROM leases)) AS known FROM audit_head) s`).Scan(&known, &f.last.at)
	if err != nil {
		return fmt.Errorf("follow changes: %w", err)
	}
	f.lease.applied, f.last.change = known, known // so that the deactivations of which some do not know are pulled too
	return f.db.allKeys(ctx, known, f.Reserve, f.Note)
}

// pull applies the changes since the last one that is applied. It reads one state of the database, which has all up to its
// head: they are committed in the order of their numbers. In the same state the last one that is applied has to be there as
// it was, or another database has taken the place of the one that memory is from.
func (f *following) pull(ctx context.Context) error {
	rows, err := f.conn.Query(ctx, `SELECT h.number, coalesce(n.at, 0), coalesce(w.at, 0), coalesce(k.id, ''), coalesce(k.number, 0),
		coalesce(k.user_id, ''), k.hash, coalesce(k.last4, ''), k.deactivated_at IS NOT NULL, coalesce(k.change, 0)
		FROM audit_head h LEFT JOIN audit n ON n.number = h.number LEFT JOIN audit w ON w.number = $1
		LEFT JOIN keys k ON k.change > $1 ORDER BY k.change`, f.lease.applied)
	if err != nil {
		return fmt.Errorf("read changes: %w", err)
	}
	defer rows.Close()
	var head mark
	for rows.Next() {
		var hash []byte
		var inactive bool
		var was int64
		var c access.KeyChange
		if err := rows.Scan(&head.change, &head.at, &was, &c.KeyID, &c.Key, &c.UserID, &hash, &c.Last4, &inactive, &c.Number); err != nil {
			return fmt.Errorf("read changes: %w", err)
		}
		if f.last.at != was {
			return ErrWentBack
		}
		if c.KeyID == "" {
			continue // nothing is changed
		}
		if len(hash) != access.HashLen {
			return fmt.Errorf("read changes: the hash of %s has %d bytes", c.KeyID, len(hash))
		}
		c.Hash = [access.HashLen]byte(hash)
		if inactive {
			f.ending[c.KeyID] = c
		} else {
			c.Status = access.Active
		}
		f.Note(c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read changes: %w", err)
	}
	f.last = head
	f.lease.apply(head.change)
	f.until.Store(int64(f.lease.until))
	return nil
}

// end tells that the keys are deactivated of which every instance knows, those up to a change.
func (f *following) end(known int64) {
	for id, c := range f.ending {
		if c.Number <= known {
			c.Status = access.Inactive
			f.Note(c)
			delete(f.ending, id)
		}
	}
}

// renew renews the lease, tells in it what is applied, and returns the last change that there is. It tells whether there
// still was a lease.
func (f *following) renew(ctx context.Context) (head int64, renewed bool, err error) {
	id := f.id.Load()
	if id == nil {
		return 0, false, nil
	}
	var oldest, known int64
	applied := f.lease.applied
	err = f.conn.QueryRow(ctx, `UPDATE leases SET renewals = renewals + 1, applied = $1 WHERE id = $2
		RETURNING (SELECT number FROM audit_head), (SELECT migration FROM oldest_program),
		coalesce((SELECT min(applied) FROM leases WHERE id <> $2), $1)`, applied, *id).Scan(&head, &oldest, &known)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("renew lease: %w", err)
	}
	newest, err := f.db.newestVersion()
	switch {
	case err != nil:
		return 0, false, err
	case oldest > newest:
		return 0, false, ErrNewer
	}
	f.end(min(known, applied))
	return head, true, nil
}

// secrets reads the secrets again unless that was done a moment ago. That some do not open is told, and no reason to give
// up: what is known stays right without them.
func (f *following) secrets(ctx context.Context) error {
	at := clock()
	if at-f.db.vault.lastRead() < renewEvery {
		return nil
	}
	rows, err := f.conn.Query(ctx, selectSealed)
	if err != nil {
		return fmt.Errorf("read secrets: %w", err)
	}
	sealed, err := pgx.CollectRows(rows, pgx.RowToStructByName[sealedRow])
	if err != nil {
		return fmt.Errorf("read secrets: %w", err)
	}
	f.Sealed(f.db.vault.renew(sealed, at))
	return nil
}

// register takes out a lease. Nothing is answered from memory under it until what was changed before it is applied.
func (f *following) register(ctx context.Context) error {
	f.until.Store(0)
	f.lease = lease{applied: f.lease.applied}
	id := newID()
	_, err := f.conn.Exec(ctx, `INSERT INTO leases (id, name, renewals, applied) VALUES ($1, $2, 0, $3)`,
		id, f.Name, f.lease.applied)
	if err != nil {
		return fmt.Errorf("take out a lease: %w", err)
	}
	f.id.Store(&id)
	return nil
}

// fenceOthers ends the leases of instances that are gone, so that no change has to wait for them.
func (f *following) fenceOthers(ctx context.Context) error {
	rows, err := f.db.behind(ctx, f.lease.applied+1, *f.id.Load())
	if err != nil {
		return fmt.Errorf("read leases: %w", err)
	}
	now := clock()
	for _, l := range rows {
		if f.others.expired(l.ID, l.Renewals, now) {
			if err := f.db.fence(ctx, l); err != nil {
				return fmt.Errorf("end a lease: %w", err)
			}
		}
	}
	return nil
}

// leave gives the lease back, so that nobody waits for it.
func (f *following) leave() {
	f.until.Store(0)
	if id := f.id.Load(); id != nil {
		ctx, cancel := context.WithTimeout(context.Background(), renewEvery)
		defer cancel()
		_, _ = affect(ctx, f.db.write, `DELETE FROM leases WHERE id = ?`, *id) // or the others wait until it has run out
	}
	_ = f.disconnect() // which is at an end either way
}
