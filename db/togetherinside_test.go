package db

import (
	"context"
	"time"

	"github.com/keydesk/keydesk/access"
)

// Together starts each of the changes, in this order, and returns once they have been committed together.
func (db *DB) Together(starts ...func()) {
	db.changing.Lock()
	done := make(chan struct{})
	for i, start := range starts {
		go func() {
			defer func() { done <- struct{}{} }()
			start()
		}()
		for db.group.size() <= i {
			time.Sleep(time.Millisecond)
		}
	}
	db.changing.Unlock()
	for range starts {
		<-done
	}
}

func (g *commitGroup) size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.some)
}

// ChangeBy makes a change that is whatever act does in the transaction.
func (db *DB) ChangeBy(ctx context.Context, act func(exec func(string) error) error) error {
	return db.change(ctx, access.TheOperator(), access.MakeUp, func(ctx context.Context, t *tx) (access.Change, error) {
		return access.Change{}, act(func(query string) error {
			_, err := t.ExecContext(ctx, query)
			return err
		})
	})
}
