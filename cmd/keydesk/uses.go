package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

const usesEvery = time.Second // last used is written this often

// keepUses writes down when keys were used, about once a second. The function it returns ends that and writes the rest;
// call it when no more requests come.
func keepUses(ctx context.Context, d *db.DB, uses *access.Uses, log *slog.Logger) (rest func() error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx)) // while the last requests are drained too
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(usesEvery)
		defer tick.Stop()
		failing := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := saveUses(ctx, d, uses)
			if err != nil && !failing { // once, not once a second
				log.Warn("last used is not written", "error", err)
			}
			if err == nil && failing {
				log.Info("last used is written again")
			}
			failing = err != nil
		}
	}()
	return func() error {
		stop()
		<-stopped
		return saveUses(context.WithoutCancel(ctx), d, uses)
	}
}

// saveUses writes what was gathered, or keeps it for the next time.
func saveUses(ctx context.Context, d *db.DB, uses *access.Uses) error {
	taken := uses.Take()
	err := d.SaveUses(context.WithoutCancel(ctx), taken)
	if err != nil {
		uses.Return(taken)
	}
	return err
}
