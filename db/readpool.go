package db

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// mostPrepared is how many queries a pool keeps prepared. Those of the pages are fewer; lists of ids come in more
// lengths, and what is one too many is prepared each time.
const mostPrepared = 200

// readPool is a pool of connections that only read. It prepares each query once for each connection: reading SQL takes
// longer than many an answer. PostgreSQL's driver does so by itself.
type readPool struct {
	*sqlx.DB
	*dialect

	mu       sync.Mutex
	prepared map[string]*sqlx.Stmt
}

func newReadPool(pool *sqlx.DB, d *dialect) *readPool {
	return &readPool{DB: pool, dialect: d, prepared: map[string]*sqlx.Stmt{}}
}

// statement returns the prepared query, or nil where it is not to be.
func (r *readPool) statement(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if r.shared {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.prepared[query]; s != nil || len(r.prepared) >= mostPrepared {
		return s, nil
	}
	// Not given up when the person who asked goes away: it is for the others too.
	s, err := r.PreparexContext(context.WithoutCancel(ctx), query)
	if err == nil {
		r.prepared[query] = s
	}
	return s, err
}

// GetContext reads one row into dest.
func (r *readPool) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := r.patient(ctx)
	defer cancel()
	s, err := r.statement(ctx, query)
	if err != nil || s == nil {
		return r.DB.GetContext(ctx, dest, query, args...) // which says what is wrong
	}
	return s.GetContext(ctx, dest, args...)
}

// SelectContext reads all rows into dest.
func (r *readPool) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := r.patient(ctx)
	defer cancel()
	s, err := r.statement(ctx, query)
	if err != nil || s == nil {
		return r.DB.SelectContext(ctx, dest, query, args...)
	}
	return s.SelectContext(ctx, dest, args...)
}

// QueryRowxContext reads one row.
func (r *readPool) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	s, err := r.statement(ctx, query)
	if err != nil || s == nil {
		return r.DB.QueryRowxContext(ctx, query, args...)
	}
	return s.QueryRowxContext(ctx, args...)
}

// QueryxContext reads rows.
func (r *readPool) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	s, err := r.statement(ctx, query)
	if err != nil || s == nil {
		return r.DB.QueryxContext(ctx, query, args...)
	}
	return s.QueryxContext(ctx, args...)
}
