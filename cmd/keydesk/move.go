package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type moveCmd struct {
	From string `required:"" placeholder:"FILE" help:"SQLite database file, which no server uses meanwhile."`
	To   string `required:"" placeholder:"URL" help:"PostgreSQL database with nothing in it, postgres://...; the password may be in PGPASSWORD instead."`
	secretFlags
	anchorFlags
}

// Run copies everything in an SQLite database to an empty PostgreSQL database, compares it, and says what to do next.
func (c *moveCmd) Run(ctx context.Context, std stdio) error {
	if err := c.check(); err != nil {
		return err
	}
	if !missing(newFile(c.secret())) { // a rotation was cut short: which file has the secret is to be settled before it is told
		d, err := openDatabase(ctx, databaseFlags{Database: c.From}, c.secretFlags, anchorFlags{anchorFile: anchorFile{c.anchor()}}, db.Options{})
		if err = errors.Join(err, closeIf(d)); err != nil {
			return err
		}
	}
	began := time.Now()
	bar := progress{out: std.err, of: "rows"}
	seen := isTerminal(std.err)
	m, err := db.Move(ctx, db.Options{
		Database: c.From, Now: time.Now, Anchor: c.anchor(), AcceptLoss: c.AcceptLoss,
		Notice: std.notice,
		Root:   func(fresh bool) (access.RootSecret, error) { return c.root(c.secret(), fresh) },
	}, c.To, func(done, total int) {
		if seen {
			bar.total = total
			bar.add(done - bar.done)
		}
	})
	bar.end()
	if err != nil {
		return wrongSecret(err, c.secret(), c.From)
	}
	_, err = io.WriteString(std.out, c.report(m, time.Since(began)))
	return err
}

// secret returns the file of the root secret.
func (c *moveCmd) secret() string { return c.path(databaseFlags{Database: c.From}) }

// anchor returns the anchor of the source, so that it is not moved as it was set back to; none where there is no such file,
// which nothing need be written to any more.
func (c *moveCmd) anchor() string {
	file := c.file(databaseFlags{Database: c.From})
	if c.Anchor == "" && missing(file) {
		return ""
	}
	return file
}

// check refuses before anything is opened.
func (c *moveCmd) check() error {
	switch {
	case strings.Contains(c.From, "://"):
		return fmt.Errorf("--from: give the path of an SQLite file; nothing else is moved")
	case missing(c.From):
		return fmt.Errorf("--from: there is no file %s", c.From)
	case !db.IsPostgres(c.To):
		return fmt.Errorf("--to: %w", db.ErrNotURL)
	}
	if err := db.CheckURL(c.To); err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	return nil
}

// report says what was moved, and what to do now.
func (c *moveCmd) report(m db.Moved, took time.Duration) string {
	var b strings.Builder
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	say("Moved %s and %s, with their history, from %s to %s, in %s. Every row was read again on both sides.",
		english.Plural(m.Users, "user", ""), english.Plural(m.Keys, "key", ""), c.From, m.To, took.Round(time.Millisecond))
	if m.Altered > 0 {
		say("Of %d texts PostgreSQL cannot keep a character (NUL, or bytes that are no UTF-8): it is \uFFFD there.", m.Altered)
	}
	if m.Damaged > 0 {
		say("%d rows of uses that were not added up yet are damaged, and left out.", m.Damaged)
	}
	if m.MadeUp {
		say("The people and keys are made up (keydesk demo-data): they are served on loopback only.")
	}
	say("\n%s is left as it was. Do not serve it any more: neither database would know what is changed in the other.", c.From)
	digits := "the digits in " + c.secret()
	if inEnvironment(secretVariable) {
		digits = "as it is set here"
	}
	say("\nNow set %s (%s) for every instance, and run, with the password and the options of your URL,\n\n"+
		"    keydesk serve --database %s", secretVariable, digits, m.To)
	return b.String()
}
