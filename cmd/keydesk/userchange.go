package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/handlers"
)

type userResetCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
	Addr    string `default:"127.0.0.1:8080" env:"KEYDESK_ADDR" placeholder:"HOST:PORT" help:"Address that the desk listens on, for the link (${env}; default ${default})."`
	BaseURL string `name:"base-url" env:"KEYDESK_BASE_URL" placeholder:"URL" help:"How browsers reach the desk, for the link (${env}; default from the address)."`
	UserID  string `arg:"" name:"user-id" help:"Who sets a new password."`
}

// Run prints a set-password link of the user.
func (c *userResetCmd) Run(ctx context.Context, std stdio) error {
	base, err := webFlags{BaseURL: c.BaseURL}.baseURL(c.Addr)
	if err != nil {
		return err
	}
	token := access.NewToken()
	err = changeUser(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags, c.UserID, func(d *db.DB) error {
		return d.IssueLink(ctx, access.TheOperator(), c.UserID, access.HashToken(token))
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s sets a new password with this link. It works once, for 24 hours:\n  %s\n",
		c.UserID, handlers.SetPasswordURL(base, token))
	return err
}

type userDisableCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
	UserID string `arg:"" name:"user-id" help:"Who is shut out."`
}

// Run disables the user.
func (c *userDisableCmd) Run(ctx context.Context, std stdio) error {
	err := changeUser(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags, c.UserID, func(d *db.DB) error {
		return d.DisableUser(ctx, access.TheOperator(), c.UserID)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Disabled %s. The user's keys are inactive, for ever.\n", c.UserID)
	return err
}

type userPasskeysCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
	UserID string `arg:"" name:"user-id" help:"Who has lost them."`
}

// Run removes the user's passkeys.
func (c *userPasskeysCmd) Run(ctx context.Context, std stdio) error {
	err := changeUser(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags, c.UserID, func(d *db.DB) error {
		return d.RemovePasskeys(ctx, access.TheOperator(), c.UserID)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "No passkey of %s is left: the password alone signs in. One of fewer than 15 characters has to be reset first.\n", c.UserID)
	return err
}

// changeUser makes a change of an existing user in a database that exists.
func changeUser(ctx context.Context, std stdio, d databaseFlags, s secretFlags, a anchorFlags, userID string,
	change func(*db.DB) error,
) error {
	if err := d.check(); err != nil {
		return err
	}
	if err := db.Exists(ctx, d.Database); err != nil {
		return err
	}
	opened, err := openToChange(ctx, std, d, s, a)
	if err != nil {
		return err
	}
	err = change(opened)
	if access.Refused(err, access.NotFound) != nil {
		err = fmt.Errorf("there is no user %q; `keydesk user list` prints them", userID)
	}
	return errors.Join(err, opened.Close())
}
