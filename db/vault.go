package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// ErrSealedAnew says that there are secrets which this process cannot open.
var ErrSealedAnew = errors.New("secrets were sealed under a root secret that this process does not have; start it again with " +
	"that one in KEYDESK_SECRET, and the former one in KEYDESK_SECRET_PREVIOUS")

// ripeAfter is for how long an instance has known a pepper or a session key before it uses it for new keys or cookies. By
// then every other instance knows it too: one that answers has renewed its lease within leaseTime, and had read the
// secrets within renewEvery before that.
const ripeAfter = 2 * leaseTime

// vault keeps what is sealed in the database opened. Other processes may add to it at any time.
type vault struct {
	now atomic.Pointer[Secrets]

	mu     sync.Mutex // held while the secrets are read again
	root   access.RootSecret
	again  func(fresh bool) (access.RootSecret, error)
	grace  time.Duration // until a new one is used
	rows   []sealedRow   // as they were read last
	read   time.Duration // when they were
	opened map[string]opened
	unripe bool // some are not used yet
	closed bool // some do not open

	said  []sealedRow         // what was told of last
	takes func(what []string) // is told what is taken up that others have made; or nil
}

// opened is a secret, opened, and by this process's clock when it may be used for what is new.
type opened struct {
	value []byte
	from  time.Duration
}

func (v *vault) rootSecret() access.RootSecret {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.root
}

func (v *vault) lastRead() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.read
}

// sealed returns what is sealed, as it was read last.
func (v *vault) sealed() []sealedRow {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.rows
}

// load opens all that is sealed, for the first time.
func (v *vault) load(ctx context.Context, q sqlx.QueryerContext, now time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := clock()
	rows, err := sealedRows(ctx, q)
	if err != nil {
		return err
	}
	// Where clocks differ by less than an hour, what is older than that is known to everybody.
	const hour = time.Hour / time.Microsecond
	v.opened = map[string]opened{}
	for _, row := range rows {
		if age := micros(now) - row.CreatedAt; !row.retired() && age > int64(hour) {
			value, err := row.open(v.root)
			if err != nil {
				return err
			}
			v.opened[row.ID] = opened{value: value}
		}
	}
	v.now.Store(v.take(rows, at))
	if v.closed {
		return ErrWrongSecret
	}
	v.said = rows
	return nil
}

// take opens what is not opened yet, and returns all that is open. What opened once stays so, under whatever it is sealed now.
func (v *vault) take(rows []sealedRow, at time.Duration) *Secrets {
	s, all := &Secrets{}, map[string]opened{}
	v.closed = false
	for _, row := range rows {
		if row.retired() {
			continue
		}
		value, err := row.open(v.root)
		o, known := v.opened[row.ID]
		switch {
		case err == nil && !known:
			o = opened{value, at + v.grace}
		case err != nil:
			v.closed = true
		}
		if err != nil && !known {
			s.Incomplete = true
			continue
		}
		all[row.ID] = o
	}
	v.rows, v.read, v.opened = rows, at, all
	s.fill(v, at)
	return s
}

// fill sorts what is opened.
func (s *Secrets) fill(v *vault, at time.Duration) {
	v.unripe = false
	for _, row := range v.rows {
		o, known := v.opened[row.ID]
		if !known {
			continue
		}
		v.unripe = v.unripe || o.from > at
		switch row.Kind {
		case pepperKind:
			p := access.NewPepper(row.ID, o.value[:32])
			s.Peppers = append(s.Peppers, p)
			if o.from <= at || len(s.Peppers) == 1 {
				s.Pepper = p
			}
		case sessionKind: // in the end newest first, but behind the newest of those that may be used
			k := SessionKey{Hash: o.value[:32], Block: o.value[32:]}
			s.SessionKeys = slices.Insert(s.SessionKeys, min(len(s.SessionKeys), unripe(o, at)), k)
		case signingKind:
			key, verifier, err := access.NewSigningKey(originOf(row.Verifier), o.value)
			if err != nil {
				continue // a row that nobody made here
			}
			s.Signing, s.Verifiers = slices.Insert(s.Signing, 0, key), slices.Insert(s.Verifiers, 0, verifier)
		}
	}
}

// unripe returns 1 for what may not be used yet, and otherwise 0.
func unripe(o opened, at time.Duration) int {
	if o.from > at {
		return 1
	}
	return 0
}

// renew opens what others have added, as rows has it that were read from at on. Where something does not open it asks for
// the root secret again: it may have been rotated.
func (v *vault) renew(rows []sealedRow, at time.Duration) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at < v.read {
		return nil // somebody has begun to read them later
	}
	if !v.unripe && !v.closed && slices.EqualFunc(rows, v.rows, sealedRow.same) {
		v.read = at
		return nil
	}
	s := v.take(rows, at)
	defer func() { v.now.Store(s) }() // not before, or verify could not tell while the root secret is read
	if !v.closed {
		v.tell()
		return nil
	}
	root, err := v.again(false)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrSealedAnew, err)
	}
	former := v.root
	v.root = root
	if s = v.take(rows, at); v.closed {
		v.root = former
		return ErrSealedAnew
	}
	v.tell()
	return nil
}

// refreshSecrets reads the secrets again, and opens what others have added.
func (db *DB) refreshSecrets(ctx context.Context) error {
	at := clock()
	ctx, cancel := db.patient(ctx)
	defer cancel()
	rows, err := sealedRows(ctx, db.read)
	if err != nil {
		return err
	}
	return db.vault.renew(rows, at)
}

// asked is who asks for the secrets to be read again. However many do at once, they are read for all of them.
type asked struct {
	mu   sync.Mutex
	last time.Duration // when they were read for somebody last
	err  error         // what became of it
}

// RefreshSecrets reads the secrets again, because there may be some that are not known yet, such as the key of a session
// cookie that does not open.
func (db *DB) RefreshSecrets(ctx context.Context) error {
	a, began := &db.asked, clock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last <= began {
		a.last = clock()
		a.err = db.refreshSecrets(context.WithoutCancel(ctx)) // it is for the others too
	}
	return a.err
}

// pollSecrets reads the secrets again every second until ctx is done, and tells why it could not.
func (db *DB) pollSecrets(ctx context.Context, tell func(error)) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := db.refreshSecrets(ctx)
			if err == nil {
				err = db.anchorOthers(ctx)
			}
			if ctx.Err() == nil {
				tell(err)
			}
		}
	}
}
