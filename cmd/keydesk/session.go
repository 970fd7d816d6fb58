package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type sessionCmd struct {
	EndAll sessionEndAllCmd `cmd:"" name:"end-all" help:"End everybody's sessions, as after a leak, also while the server runs."`
}

type sessionEndAllCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
}

// Run ends them, and says how many there were.
func (c *sessionEndAllCmd) Run(ctx context.Context, std stdio) error {
	if err := c.databaseFlags.check(); err != nil {
		return err
	}
	if err := db.Exists(ctx, c.Database); err != nil {
		return err
	}
	d, err := openBeside(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags)
	if err != nil {
		return err
	}
	n, err := d.EndAllSessions(ctx, access.TheOperator())
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Ended %s, and withdrew the open set-password links that people have issued. Everybody signs in again; keys stay good.\n",
		english.Plural(int(n), "session", ""))
	return err
}
