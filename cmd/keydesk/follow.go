package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/verify"
)

// follow has the table know every key, and then what other instances change. lost is called if that cannot go on. Call
// stop when nobody asks the table any more.
func follow(ctx context.Context, d *db.DB, keys *verify.Table, log *slog.Logger, lost func(error)) (stop func(), err error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unnamed"
	}
	var following, sealed fault
	return d.Follow(ctx, db.Follower{
		Name: fmt.Sprintf("%s, process %d", host, os.Getpid()), Reserve: keys.Reserve, Note: keys.Note, Lost: lost,
		Secrets: func(what []string) { log.Info("new secrets are in use", "of", strings.Join(what, ", ")) },
		Sealed: func(err error) {
			sealed.tell(log, "read the secrets again", "verify answers 503 for keys that it does not know, if some of the secrets do not open", err)
		},
		Trouble: func(err error) {
			following.tell(log, "follow the changes of other instances", "verify answers from memory for 3 seconds, and then 503", err)
		},
	})
}
