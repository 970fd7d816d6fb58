package main

import (
	"bufio"
	"context"
	"errors"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type exportCmd struct {
	databaseFlags
	Status string `enum:",active,inactive" default:"" placeholder:"STATUS" help:"active or inactive keys only."`
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
	out := bufio.NewWriter(std.out)
	var report *access.Report
	err = d.Export(ctx, access.TheOperator(), status, func() (err error) {
		report, err = access.NewReport(out, d.Now())
		return err
	}, func(k access.Key) error { return report.Add(k) })
	if err == nil {
		err = report.Flush()
	}
	return errors.Join(err, out.Flush(), d.Close())
}
