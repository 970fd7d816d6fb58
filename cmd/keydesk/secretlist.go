package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type secretListCmd struct {
	databaseFlags
	secretFlags
}

// Run prints what there is.
func (c *secretListCmd) Run(ctx context.Context, std stdio) error {
	if err := c.databaseFlags.check(); err != nil {
		return err
	}
	return printSecrets(ctx, c.databaseFlags, c.secretFlags, std.out)
}

// printSecrets prints a table that fits 80 columns, and the root secret's line of it even where nobody gives that.
func printSecrets(ctx context.Context, f databaseFlags, s secretFlags, w io.Writer) error {
	d, err := db.OpenToRead(ctx, f.Database, time.Now)
	if err != nil {
		return err
	}
	root, why := rootInUse(ctx, d, f, s)
	states, err := d.SecretStates(ctx, access.TheOperator())
	if err = errors.Join(err, d.Close()); err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "SECRET\tSINCE\tNAME\tIN USE") // the error comes with Flush
	_, _ = fmt.Fprintf(out, "root secret\t-\t-\t%s\n", root)
	for _, s := range states {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", kindOf(s), s.Since.Format(time.DateOnly), shortName(s), inUse(s))
	}
	if why != nil {
		_, _ = fmt.Fprintf(out, "\nThe root secret was not read: %s\n", why)
	}
	return out.Flush()
}

// rootInUse says what is sealed under the root secret, or why that is not known.
func rootInUse(ctx context.Context, d *db.DB, f databaseFlags, s secretFlags) (said string, why error) {
	why = s.check(f)
	var root access.RootSecret
	if why == nil {
		root, why = s.root(s.path(f), false)
	}
	var sealed db.Sealing
	if why == nil {
		sealed, why = d.Sealing(ctx, access.TheOperator(), root)
	}
	all := sealed.Newest + sealed.Former + sealed.None
	switch {
	case why != nil:
		return "not known", why
	case sealed.None > 0:
		return fmt.Sprintf("does not open %d of %d: a wrong one", sealed.None, all), nil
	case sealed.Former > 0:
		return fmt.Sprintf("seals %d; the previous one %d: rotate root", sealed.Newest, sealed.Former), nil
	}
	return fmt.Sprintf("seals all %d", all), nil
}

func kindOf(s db.SecretState) string {
	if s.Kind == "pepper" {
		return s.Kind
	}
	return s.Kind + " key"
}

// shortName returns the end of an id, which is random, or of a public key the digits that stand with its signatures.
func shortName(s db.SecretState) string {
	const digits = 8
	name := s.Name
	if _, key, public := strings.Cut(name, "+"); public {
		name, _, _ = strings.Cut(key, "+")
	}
	return name[max(0, len(name)-digits):]
}

// inUse says what a secret is for, and when it goes.
func inUse(s db.SecretState) string {
	active := english.Plural(s.Active, "active key", "")
	switch {
	case s.Kind == "pepper" && !s.Retired.IsZero():
		return "retired on " + s.Retired.Format(time.DateOnly) + "; its keys are unknown"
	case s.Kind == "pepper" && s.Newest:
		return "for new keys; " + active + " under it"
	case s.Kind == "pepper" && s.Active == 0:
		return "no active key; goes within the hour"
	case s.Kind == "pepper":
		return active + "; goes with the last"
	case s.Kind == "session" && s.Newest:
		return "for new cookies"
	case s.Kind == "session":
		return "opens its cookies; goes after " + s.KeptTill.Format(time.DateOnly)
	case s.Newest:
		return "signs the audit log"
	}
	return "verifies what it signed, for ever"
}
