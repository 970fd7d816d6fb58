package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type userListCmd struct{ databaseFlags }

// Run prints the users, by User ID.
func (c *userListCmd) Run(ctx context.Context, std stdio) error {
	if err := c.check(); err != nil {
		return err
	}
	d, err := db.OpenToRead(ctx, c.Database, time.Now)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "USER ID\tROLE\tSTATUS\tACTIVE KEYS\tLAST SIGN-IN\tNAME")
	err = eachUser(ctx, d, func(p access.Person) {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%s\t%s\n", // the error comes with Flush
			p.UserID, p.Role, accountStatus(p), p.ActiveKeys, lastSignIn(p), p.Name)
	})
	return errors.Join(err, out.Flush(), d.Close())
}

func eachUser(ctx context.Context, d *db.DB, each func(access.Person)) error {
	after := ""
	for {
		people, more, err := d.Users(ctx, access.TheOperator(), "", after)
		if err != nil {
			return err
		}
		for _, p := range people {
			each(p)
		}
		if !more {
			return nil
		}
		after = people[len(people)-1].UserID
	}
}

func accountStatus(p access.Person) string {
	if p.Enabled() {
		return "enabled"
	}
	return "disabled"
}

func lastSignIn(p access.Person) string {
	if p.LastSignInAt.IsZero() {
		return "never"
	}
	return p.LastSignInAt.Format(time.RFC3339)
}
