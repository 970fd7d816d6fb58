package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/keydesk/keydesk/db"
)

// doHourly renews the secrets that have served their time, and forgets what db.Forget names once it is older than keep: at
// once, then every hour, until ctx is done. The function it returns ends that sooner, and waits for the end.
func doHourly(ctx context.Context, d *db.DB, keep time.Duration, log *slog.Logger) (stopped func()) {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Hour)
		defer tick.Stop()
		for ctx.Err() == nil {
			if err := d.RenewSecrets(ctx); err != nil && ctx.Err() == nil {
				log.Warn("secrets are not renewed", "error", err)
			}
			n, err := d.Forget(ctx, keep)
			if err != nil && ctx.Err() == nil {
				log.Warn("old history is not forgotten", "error", err)
			}
			if n > 0 {
				log.Info("old history forgotten", "rows", n)
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	}()
	return func() {
		stop()
		<-done
	}
}
