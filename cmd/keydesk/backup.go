package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type backupCmd struct {
	databaseFlags
	File string `arg:"" help:"New file for the copy. It is as confidential as the desk; the root secret is not in it."`
}

// Run copies the database to a new file, and says what is in it.
func (c *backupCmd) Run(ctx context.Context, std stdio) error {
	if err := c.check(); err != nil {
		return err
	}
	if folder := filepath.Dir(c.File); !isFolder(folder) {
		return fmt.Errorf("there is no folder %s for the backup; make it first, or name another file", folder)
	}
	began := time.Now()
	made, err := db.Backup(ctx, c.Database, c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Backed %s up to %s: %s, %s, up to change %d, %d bytes, in %s. Every page was read again.\n"+
		"Keep the root secret elsewhere: without it the backup is of no use.\n",
		c.Database, c.File, english.Plural(int(made.Users), "user", ""), english.Plural(int(made.Keys), "key", ""), made.Changes, made.Bytes, time.Since(began).Round(time.Millisecond))
	return err
}

// isFolder tells whether there is a folder, or something that cannot be looked at.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
	}
	return info.IsDir()
}

type restoreCmd struct {
	databaseFlags
	secretFlags
	anchorFile
	File string `arg:"" help:"The backup. It is left as it is."`
}

// Run makes a backup the database, and says what happens at the next start.
func (c *restoreCmd) Run(ctx context.Context, std stdio) error {
	if err := c.databaseFlags.check(); err != nil {
		return err
	}
	if !db.IsPostgres(c.Database) && missing(c.File) {
		return fmt.Errorf("there is no file %s", c.File)
	}
	began := time.Now()
	r, err := db.Restore(ctx, c.File, db.Options{
		Database: c.Database, Now: time.Now,
		Root: func(bool) (access.RootSecret, error) { return c.root(c.path(c.databaseFlags), false) },
	})
	if err != nil {
		return wrongSecret(err, c.path(c.databaseFlags), c.File)
	}
	_, err = fmt.Fprintf(std.out, "Restored %s from %s: %s, %s, up to change %d%s, in %s.\n%s\n%s\n",
		c.Database, c.File, english.Plural(int(r.Users), "user", ""), english.Plural(int(r.Keys), "key", ""), r.Changes, at(r.At), time.Since(began).Round(time.Millisecond), checked(r), c.next())
	return err
}

func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " of " + t.Format(time.RFC3339)
}

func checked(r db.Restored) string {
	if !r.Verified {
		return "It is of an older keydesk: the next start brings it up to date. Everybody signs in again."
	}
	return "Its audit log was verified, and its users, keys and links are as the log says. Everybody signs in again."
}

// next says what the next start makes of the anchor.
func (c *restoreCmd) next() string {
	file := c.file(c.databaseFlags)
	info, err := os.Stat(file)
	if err == nil && info.Size() > 0 {
		return fmt.Sprintf("The next start deactivates again what was deactivated since, by %s. If anything else was changed since, "+
			"it says what, and how to go on.", file)
	}
	lacks := "not there"
	if err == nil {
		lacks = "empty"
	}
	return fmt.Sprintf("%s is %s: put it beside the database before you start. Without it nothing knows which keys were "+
		"deactivated since the backup, and the next start may want --accept-loss %s.", file, lacks, db.MissingAnchor)
}
