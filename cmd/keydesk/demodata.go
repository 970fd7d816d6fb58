package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// maxCrowd is the most users, and the most keys, that are made up at once.
const maxCrowd = 100_000_000

type demoDataCmd struct {
	databaseFlags
	secretFlags
	KeyPrefix string `default:"kd_" env:"KEYDESK_KEY_PREFIX" placeholder:"PREFIX_" help:"What the keys begin with (${env}; default ${default})."`
	Users     int    `required:"" placeholder:"N" help:"How many people to make up."`
	Keys      int    `required:"" placeholder:"N" help:"How many keys they have in all; one in ten is inactive."`
	Seed      uint64 `default:"1" placeholder:"N" help:"The same number makes the same people and ages up (default ${default})."`
	Secrets   string `placeholder:"FILE" help:"New file for the full keys of the active ones, one a line."`
}

// Run makes a database of made-up people and keys.
func (c *demoDataCmd) Run(ctx context.Context, std stdio) error {
	if err := c.check(ctx); err != nil {
		return err
	}
	began := time.Now()
	d, err := db.Open(ctx, db.Options{ // without an anchor: what is made up can be made up again
		Database: c.Database, Now: time.Now,
		Root: func(fresh bool) (access.RootSecret, error) {
			return rootSecret(c.path(c.databaseFlags), fresh)
		},
	})
	if errors.Is(err, db.ErrInUse) {
		return err
	}
	if err == nil {
		err = errors.Join(c.fill(ctx, d), d.Close())
	}
	if err != nil {
		if access.Refused(err, access.Clashes) == nil { // somebody was faster, and has people in it
			_ = os.Remove(c.Database) // it is empty, and in the way of the next try
		}
		return err
	}
	_, err = fmt.Fprintf(std.out, "Made the database %s with %s and %s, in %s. It is served on loopback only.\n",
		c.Database, english.Plural(c.Users, "user", ""), english.Plural(c.Keys, "key", ""), time.Since(began).Round(time.Millisecond))
	return err
}

// check refuses before anything is made.
func (c *demoDataCmd) check(ctx context.Context) error {
	if err := c.databaseFlags.check(); err != nil {
		return err
	}
	if db.IsPostgres(c.Database) {
		return errors.New("--database: data is made up in an SQLite file; `keydesk move` takes it to PostgreSQL")
	}
	if err := access.CheckPrefix(c.KeyPrefix); err != nil {
		return fmt.Errorf("--key-prefix: %w", err)
	}
	if c.Users < 1 || c.Users > maxCrowd || c.Keys < 0 || c.Keys > maxCrowd {
		return fmt.Errorf("--users must be between 1 and %d, and --keys between 0 and %d", maxCrowd, maxCrowd)
	}
	if err := db.Exists(ctx, c.Database); err == nil {
		return fmt.Errorf("there is a database %s already; data is made up in a new one only", c.Database)
	} else if !errors.Is(err, db.ErrAbsent) {
		return err
	}
	if c.Secrets != "" && !missing(c.Secrets) {
		return secretsThere(c.Secrets)
	}
	return nil
}

func secretsThere(file string) error {
	return fmt.Errorf("--secrets: there is a file %s already; name a new one", file)
}

// fill makes the data up, and the file of the full keys where one is wanted.
func (c *demoDataCmd) fill(ctx context.Context, d *db.DB) (err error) {
	crowd := access.Crowd{Users: c.Users, Keys: c.Keys, Seed: c.Seed, Now: d.Now()}
	if c.Secrets == "" {
		return d.Fill(ctx, crowd, c.KeyPrefix, func(access.Made) error { return nil })
	}
	f, err := os.OpenFile(c.Secrets, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return secretsThere(c.Secrets)
	}
	if err != nil {
		return fmt.Errorf("--secrets: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(c.Secrets))
		}
	}()
	out := bufio.NewWriter(f)
	err = d.Fill(ctx, crowd, c.KeyPrefix, func(k access.Made) error {
		if k.Status() == access.Inactive {
			return nil
		}
		_, err := out.WriteString(k.Secret.Reveal() + "\n")
		return err
	})
	return errors.Join(err, out.Flush(), f.Close())
}

// refuseMadeUp refuses to serve made-up keys to other machines: whoever has their file could use them as real ones.
func refuseMadeUp(ctx context.Context, d *db.DB, local bool) error {
	made, err := d.MadeUp(ctx)
	if err == nil && made && !local {
		err = errors.New("the people and keys in this database are made up (keydesk demo-data), so it is served on loopback only")
	}
	return err
}
