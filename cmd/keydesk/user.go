package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add a user, making the database when there is none. Stop a server on SQLite first."`
	Reset    userResetCmd    `cmd:"" help:"Print a link by which a user sets a new password. Stop a server on SQLite first."`
	Disable  userDisableCmd  `cmd:"" help:"Shut a user out and deactivate the user's keys for ever. Stop a server on SQLite first."`
	Passkeys userPasskeysCmd `cmd:"" name:"remove-passkeys" help:"Remove the passkeys and recovery codes of a user who has lost them. Stop a server on SQLite first."`
	List     userListCmd     `cmd:"" help:"Print the users, also while the server runs."`
}

type userAddCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
	UserID        string `arg:"" name:"user-id" help:"Sign-in name: a lower-case letter, then a-z 0-9 . _ -"`
	Role          string `required:"" enum:"user,admin" placeholder:"user|admin" help:"user, who makes keys, or admin, who oversees them."`
	Name          string `placeholder:"NAME" help:"The person's name."`
	Email         string `placeholder:"ADDRESS" help:"The person's e-mail address."`
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
	made := c.newFiles(ctx)
	d, err := openToChange(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags)
	if err != nil {
		return err
	}
	if err := errors.Join(d.AddUser(ctx, access.TheOperator(), person, hash), d.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%sAdded %s (%s).\n", made, person.UserID, person.Role)
	return err
}

// newFiles says which files are about to be made, or nothing where the database is there.
func (c *userAddCmd) newFiles(ctx context.Context) string {
	if !errors.Is(db.Exists(ctx, c.Database), db.ErrAbsent) {
		return ""
	}
	text := fmt.Sprintf("Made the database %s.\n", db.Shown(c.Database))
	if !inEnvironment(secretVariable) && !db.IsPostgres(c.Database) && missing(c.path(c.databaseFlags)) {
		text += fmt.Sprintf("Made the root secret %s. Keep it: the database is of no use without it.\n", c.path(c.databaseFlags))
	}
	return text
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
	password, err = readPassword(in, p)
	return p, password, err
}

// readPassword returns the new password of the person.
func readPassword(in io.Reader, p access.Person) (string, error) {
	const enough = 4 << 10 // bytes; no password is that long
	typed, err := io.ReadAll(io.LimitReader(in, enough))
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(typed), "\n"), "\r")
	return access.ParsePassword(line, p.UserID, p.Name, p.Email)
}
