package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type auditCmd struct {
	Verify     auditVerifyCmd     `cmd:"" help:"Check the audit log, and everything that it says, also while the server runs."`
	Export     auditExportCmd     `cmd:"" help:"Print the audit log with its proofs, as JSON lines, also while the server runs."`
	Key        auditKeyCmd        `cmd:"" help:"Print the public key that verifies the audit log, and former ones."`
	Checkpoint auditCheckpointCmd `cmd:"" help:"Print the newest signed checkpoint of the audit log, to be kept elsewhere."`
}

type auditExportCmd struct {
	databaseFlags
	From *int64 `placeholder:"N" help:"The first entry (default 1)."`
	To   *int64 `placeholder:"N" help:"The last entry (default the newest)."`
}

// Run prints a line of the head, and then one of each entry, from one state of the log.
func (c *auditExportCmd) Run(ctx context.Context, std stdio) error {
	from, to, err := c.entries()
	if err != nil {
		return err
	}
	d, err := c.openToRead(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.out)
	var line []byte
	err = d.ExportLog(ctx, access.TheOperator(), from, to,
		func(head access.LogHead) error {
			return json.NewEncoder(out).Encode(access.LogLine{Origin: head.Origin, Verifiers: head.Verifiers, Checkpoint: head.Signed})
		},
		func(p access.Proof) (err error) {
			if line, err = p.Append(line[:0], ""); err == nil {
				_, err = out.Write(line)
			}
			return err
		})
	return errors.Join(err, out.Flush(), d.Close())
}

// entries returns which are asked for.
func (c *auditExportCmd) entries() (from, to int64, err error) {
	from, to = 1, math.MaxInt64
	if c.From != nil {
		from = *c.From
	}
	if c.To != nil {
		to = *c.To
	}
	if from < 1 || to < 1 {
		return 0, 0, errors.New("--from and --to: entries are numbered from 1")
	}
	if to < from {
		return 0, 0, fmt.Errorf("--to: entry %d comes before entry %d, which --from names", to, from)
	}
	return from, to, nil
}

type auditKeyCmd struct {
	databaseFlags
	secretFlags
}

// Run prints the public keys, newest first, each on a line.
func (c *auditKeyCmd) Run(ctx context.Context, std stdio) error {
	d, err := c.openToRead(ctx)
	if err != nil {
		return err
	}
	keys, err := logKeys(ctx, d, c.databaseFlags, c.secretFlags)
	for _, key := range keys {
		_, printed := fmt.Fprintln(std.out, key)
		err = errors.Join(err, printed)
	}
	return errors.Join(err, d.Close())
}

type auditCheckpointCmd struct{ databaseFlags }

// Run prints the checkpoint as it was signed.
func (c *auditCheckpointCmd) Run(ctx context.Context, std stdio) error {
	d, err := c.openToRead(ctx)
	if err != nil {
		return err
	}
	head, err := d.Head(ctx, access.TheOperator())
	if err == nil && head.Signed == "" {
		err = db.ErrNoLog
	}
	if err == nil {
		_, err = fmt.Fprint(std.out, head.Signed)
	}
	return errors.Join(err, d.Close())
}

// openToRead opens the database beside the processes that write it.
func (f *databaseFlags) openToRead(ctx context.Context) (*db.DB, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return db.OpenToRead(ctx, f.Database, time.Now)
}

// logKeys returns the public keys of the log that the root secret opens.
func logKeys(ctx context.Context, d *db.DB, f databaseFlags, s secretFlags) ([]string, error) {
	if err := s.check(f); err != nil {
		return nil, err
	}
	root, err := s.root(s.path(f), false)
	if err != nil {
		return nil, err
	}
	keys, err := d.LogKeys(ctx, access.TheOperator(), root)
	return keys, wrongSecret(err, s.path(f), f.Database)
}
