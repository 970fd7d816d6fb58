package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type exportCmd struct {
	databaseFlags
	Status string `enum:",active,inactive" default:"" placeholder:"active|inactive" help:"Only active or only inactive keys; all if not given."`
}

// Run prints the key report: the same bytes as Export Account API Key in the browser.
func (c *exportCmd) Run(ctx context.Context, std stdio) error {
	if err := c.check(); err != nil {
		return err
	}
	status, err := access.ParseStatus(c.Status)
	if err != nil {
		return err
	}
	d, err := db.OpenToRead(ctx, c.Database, time.Now)
	if err != nil {
		return err
	}
	bar := progress{out: std.err}
	if isTerminal(std.err) && !isTerminal(std.out) { // where it would be drawn into the report
		bar.total, err = d.CountKeys(ctx, access.TheOperator(), status)
	}
	if err == nil {
		err = d.Export(ctx, access.TheOperator(), status, db.Export{
			Begin: func() error {
				_, err := io.WriteString(std.out, access.ReportHeader)
				return err
			},
			Row: access.NewReport(d.Now()).Append,
			Write: func(part []byte, rows int) error {
				bar.add(rows)
				_, err := std.out.Write(part)
				return err
			},
		})
	}
	bar.end()
	return errors.Join(err, d.Close())
}
