package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type secretCmd struct {
	Rotate secretRotateCmd `cmd:"" help:"Make successors of secrets, also while the server runs."`
	List   secretListCmd   `cmd:"" help:"Print which secrets there are and what is still in use, also while the server runs. None is shown."`
}

type secretRotateCmd struct {
	databaseFlags
	secretFlags
	anchorFlags
	What []string `arg:"" optional:"" name:"what" enum:"root,pepper,session,signing" help:"root, pepper, session or signing; all four unless some are named."`
}

// Run rotates the secrets, and says what it did and what is still in use.
func (c *secretRotateCmd) Run(ctx context.Context, std stdio) error {
	if err := errors.Join(c.databaseFlags.check(), c.secretFlags.check(c.databaseFlags)); err != nil {
		return err
	}
	if err := db.Exists(ctx, c.Database); err != nil {
		return err
	}
	r, rotate := c.rotation(), c.withGiven
	if r.Root && c.made(c.databaseFlags) {
		rotate = c.withNewFile
	}
	said, err := rotate(ctx, std, r)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(std.out, said+"\n"); err != nil {
		return err
	}
	return printSecrets(ctx, c.databaseFlags, c.secretFlags, std.out)
}

func (c *secretRotateCmd) rotation() db.Rotation {
	named := func(what string) bool { return len(c.What) == 0 || slices.Contains(c.What, what) }
	return db.Rotation{Root: named("root"), Pepper: named("pepper"), Session: named("session"), Signing: named("signing")}
}

// withGiven rotates under the root secrets that were given: the new one, and with it the former one.
func (c *secretRotateCmd) withGiven(ctx context.Context, std stdio, r db.Rotation) (said string, err error) {
	if r.Root {
		if err := c.twoGiven(c.databaseFlags); err != nil {
			return "", err
		}
	}
	d, err := openBeside(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags)
	if errors.Is(err, db.ErrWrongSecret) && r.Root {
		err = fmt.Errorf("%w, and the one in use until now with %s; nothing was changed", err, previousVariable)
	}
	if err != nil {
		return "", err
	}
	done, err := d.RotateSecrets(ctx, access.TheOperator(), r)
	if err = errors.Join(err, d.Close()); err != nil {
		return "", err
	}
	return report(r, done, ""), nil
}

// withNewFile makes a new root secret beside the file of the one in use. It is on disk before anything is sealed under it,
// and takes the other's place when everything is.
func (c *secretRotateCmd) withNewFile(ctx context.Context, std stdio, r db.Rotation) (said string, err error) {
	path := c.path(c.databaseFlags)
	d, err := openBeside(ctx, std, c.databaseFlags, c.secretFlags, c.anchorFlags) // which ends what was begun before
	if err = errors.Join(err, closeIf(d)); err != nil {
		return "", err
	}
	unlock, err := lockSecretFiles(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	former, err := secretIn(path)
	if err != nil {
		return "", fmt.Errorf("root secret: %w", err)
	}
	open := func(root access.RootSecret) (*db.DB, error) {
		return db.Open(ctx, db.Options{
			Database: c.Database, Now: time.Now, Beside: true, Root: func(bool) (access.RootSecret, error) { return root, nil },
			Anchor: c.file(c.databaseFlags), AcceptLoss: c.AcceptLoss, Notice: std.notice,
		})
	}
	d, err = open(former) // or somebody else has just rotated it, and was cut short: this is refused, and the next one ends that
	if err = errors.Join(err, closeIf(d)); err != nil {
		return "", err
	}
	root, err := nextSecret(path, former)
	if err != nil {
		return "", err
	}
	if d, err = open(root); err != nil {
		return "", err
	}
	done, err := d.RotateSecrets(ctx, access.TheOperator(), r)
	if err = errors.Join(err, d.Close()); err != nil {
		return "", err
	}
	if err := putNewSecret(path); err != nil {
		return "", fmt.Errorf("everything is sealed under the new root secret, which is still in %s, and every command finds it there: %w", newFile(path), err)
	}
	return report(r, done, path), nil
}

func closeIf(d *db.DB) error {
	if d == nil {
		return nil
	}
	return d.Close()
}

// report says what was done. path is the file of a root secret that was made.
func report(r db.Rotation, done db.Rotated, path string) string {
	text := ""
	say := func(format string, args ...any) { text += fmt.Sprintf(format+"\n", args...) }
	switch {
	case path != "":
		say("root secret: a new one is in %s; %s sealed under it.\n"+
			"  The former one is in %s: keep it with the backups that were made until now, elsewhere, and delete it here.",
			path, resealed(done), previousFile(path))
	case r.Root && done.Resealed > 0:
		say("root secret: %s sealed under the one in %s or --secret-file.\n"+
			"  Start the instances again without %s when each of them has the new one; backups that were made until now need the former one.",
			resealed(done), secretVariable, previousVariable)
	case r.Root:
		say("root secret: everything is sealed under the new one already; the former one opens nothing any more.")
	}
	if done.Pepper != "" {
		say("pepper: new keys are hashed under %s.", done.Pepper)
	}
	if done.Session != "" {
		say("session key: new cookies are sealed with %s; nobody is signed out.", done.Session)
	}
	if done.Signing != "" {
		say("signing key: the audit log is signed by %s.", done.Signing)
	}
	for _, id := range done.Retired {
		say("pepper: %s is retired; no active key was hashed under it.", id)
	}
	for _, id := range done.Dropped {
		say("session key: %s is dropped; its sessions ended long ago.", id)
	}
	return text
}

func resealed(done db.Rotated) string {
	return english.Plural(done.Resealed, "secret", "") + " " + english.PluralWord(done.Resealed, "is", "are")
}
