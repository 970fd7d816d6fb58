package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/keydesk/keydesk/db"
)

// anchorFile says where the audit log is written to a second time.
type anchorFile struct {
	Anchor string `env:"KEYDESK_ANCHOR" placeholder:"FILE" help:"File that holds every change too, by which a database that was set back is found (${env}; default keydesk.anchor beside an SQLite database keydesk.db, none with PostgreSQL, where each instance has its own)."`
}

// anchorFlags say that too, and what of it is given up.
type anchorFlags struct {
	anchorFile
	AcceptLoss string `name:"accept-loss" env:"KEYDESK_ACCEPT_LOSS" placeholder:"NAME" help:"Go on with a database that has lost changes, or its anchor: the name is in the message that refuses to (${env}; default none)."`
}

// file returns the anchor of the database; none if empty.
func (f anchorFile) file(d databaseFlags) string {
	if f.Anchor != "" || db.IsPostgres(d.Database) {
		return f.Anchor
	}
	return strings.TrimSuffix(d.Database, ".db") + ".anchor"
}

// check refuses what cannot be a file of its own.
func (f anchorFile) check(d databaseFlags) error {
	file := f.file(d)
	switch {
	case file == "" || strings.Contains(d.Database, "://"): // which is told of without what may be a password
		return nil
	case filepath.Clean(file) == filepath.Clean(d.Database):
		return fmt.Errorf("--anchor: %s is the database; name a file of its own", file)
	case missing(filepath.Dir(file)):
		return fmt.Errorf("--anchor: there is no folder %s; make it first, or name another file", filepath.Dir(file))
	}
	return nil
}

// openBeside opens the database for a change that a server may be beside. Its anchor gets that from the server, as do those
// of instances that are at work on PostgreSQL.
func openBeside(ctx context.Context, std stdio, d databaseFlags, s secretFlags, a anchorFlags) (*db.DB, error) {
	o := db.Options{Beside: true, Notice: std.notice}
	if db.IsPostgres(d.Database) {
		a, o.Notice = anchorFlags{}, nil // so that it is not told that there is none
	}
	return openDatabase(ctx, d, s, a, o)
}

// openToChange opens the database for one change of the operator's. The anchor of an instance that is at work on PostgreSQL
// gets the change from there.
func openToChange(ctx context.Context, std stdio, d databaseFlags, s secretFlags, a anchorFlags) (*db.DB, error) {
	opened, err := openDatabase(ctx, d, s, a, db.Options{Notice: std.notice})
	if errors.Is(err, db.ErrAnchorInUse) && db.IsPostgres(d.Database) {
		return openDatabase(ctx, d, s, anchorFlags{}, db.Options{})
	}
	return opened, err
}
