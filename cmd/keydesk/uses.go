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

	failing bool
	said    time.Time // when it was last said that uses cannot be written
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
				k.say(k.save(ctx))
			}
		}
	}()
	return func() error {
		stop()
		<-stopped
		return k.save(ctx) // which waits for nothing now
	}
}

// save writes what was gathered, or keeps the rest of it for the next time.
func (k *useKeeper) save(ctx context.Context) error {
	settled := k.db.Settle(context.WithoutCancel(ctx))
	uses, began := k.uses.Take(), time.Now()
	written, err := k.db.SaveUses(ctx, uses)
	if err != nil {
		k.uses.Return(uses, written)
	}
	if len(uses) > 0 {
		k.flushed(time.Since(began), err)
	}
	if err == nil {
		err = k.db.MergeUses(ctx)
	}
	return errors.Join(settled, err)
}

// say tells of what fails, once a minute at most, and of its end.
func (k *useKeeper) say(err error) {
	switch {
	case err != nil && time.Since(k.said) >= failureEvery:
		k.log.Warn("uses of keys are not written; verify goes on, and they are kept for later", "error", err)
		k.said = time.Now()
	case err == nil && k.failing:
		k.log.Info("uses of keys are written again")
		k.said = time.Time{}
	}
	k.failing = err != nil
}
