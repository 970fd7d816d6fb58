package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/verify"
)

const (
	usesEvery    = time.Second // uses are written this often
	failureEvery = time.Minute // and that they cannot be is said this often
)

// useKeeper writes down who used which key.
type useKeeper struct {
	db      *db.DB
	uses    *verify.Uses
	flushed func(took time.Duration, err error)
	log     *slog.Logger

	settling, saving, merging fault
}

// fault is something that may fail time and again.
type fault struct {
	failing bool
	said    time.Time // when it was last told
}

// keepUses has uses written down about once a second. The function it returns ends that and writes the rest; call it
// when no more requests come.
func keepUses(ctx context.Context, k useKeeper) (rest func() error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // while the last requests are drained too
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(usesEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = k.save(ctx) // which has told of it
			}
		}
	}()
	return func() error {
		stop()
		<-stopped
		return k.save(ctx) // which pauses no more
	}
}

// save writes what was gathered, or keeps the rest of it for the next time, and merges some.
func (k *useKeeper) save(ctx context.Context) error {
	settled := k.db.Settle(context.WithoutCancel(ctx))
	k.settling.tell(k.log, "settle what became of keys", "verify answers 503 for them", settled)
	uses, began := k.uses.Take(), time.Now()
	written, saved := k.db.SaveUses(ctx, uses)
	took := time.Since(began)
	if saved != nil {
		k.uses.Return(uses, written)
	}
	k.saving.tell(k.log, "write uses of keys down", "verify goes on, and they are kept for later", saved)
	var merged error
	if saved == nil {
		merged = k.db.MergeUses(ctx)
		k.merging.tell(k.log, "add uses of keys up", "verify goes on, and they are written down", merged)
	}
	if len(uses) > 0 || merged != nil {
		k.flushed(took, errors.Join(saved, merged))
	}
	return errors.Join(settled, saved, merged)
}

// tell logs that something cannot be done, once a minute at most, and that it can be again.
func (f *fault) tell(log *slog.Logger, what, meanwhile string, err error) {
	switch {
	case err != nil && time.Since(f.said) >= failureEvery:
		log.Warn("cannot "+what, "meanwhile", meanwhile, "error", err)
		f.said = time.Now()
	case err == nil && f.failing:
		log.Info("can again " + what)
		f.said = time.Time{}
	}
	f.failing = err != nil
}
