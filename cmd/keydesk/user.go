package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type userCmd struct {
	Add  userAddCmd  `cmd:"" help:"Add a user, making the database when there is none. Not while the server runs."`
	List userListCmd `cmd:"" help:"List the users, beside a running server too."`
}

type userAddCmd struct {
	databaseFlags
	secretFlags
	UserID        string `arg:"" name:"user-id" help:"Sign-in name: a lower-case letter, then a-z 0-9 . _ -"`
	Role          string `required:"" enum:"user,admin" placeholder:"user|admin" help:"user, who makes keys, or admin, who oversees them."`
	Name          string `help:"The person's name."`
	Email         string `help:"The person's e-mail address."`
	PasswordStdin bool   `required:"" help:"Read the password from standard input; one trailing newline is not part of it."`
}

// Run adds the user.
func (c *userAddCmd) Run(ctx context.Context, std stdio) error {
	person, password, err := c.parse(std.in)
	if err != nil {
		return err
	}
	hash, err := access.HashPassword(password)
	if err != nil {
		return err
	}
	d, err := openDatabase(ctx, c.databaseFlags, c.secretFlags, func(access.KeyChange) {})
	if err != nil {
		return err
	}
	if err := errors.Join(d.AddUser(ctx, access.TheOperator(), person, hash), d.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Added %s (%s).\n", person.UserID, person.Role)
	return err
}

func (c *userAddCmd) parse(in io.Reader) (p access.Person, password string, err error) {
	var errs [4]error
	p.UserID, errs[0] = access.ParseUserID(c.UserID)
	p.Role, errs[1] = access.ParseRole(c.Role)
	p.Name, errs[2] = access.ParseName(c.Name)
	p.Email, errs[3] = access.ParseEmail(c.Email)
	if err := errors.Join(errs[:]...); err != nil {
		return p, "", err
	}
	password, err = readPassword(in)
	return p, password, err
}

func readPassword(in io.Reader) (string, error) {
	const enough = 4 << 10 // bytes; no password is that long
	typed, err := io.ReadAll(io.LimitReader(in, enough))
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(typed), "\n"), "\r")
	return access.ParsePassword(line)
}

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
