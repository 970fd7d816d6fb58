package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/gofrs/flock"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

const previousVariable = "KEYDESK_SECRET_PREVIOUS"

// A new root secret is made in a file beside that of the one in use, and that one is kept.
func newFile(path string) string      { return path + ".new" }
func previousFile(path string) string { return path + ".previous" }

// previousGiven tells whether the settings name a former root secret.
func (f secretFlags) previousGiven() bool {
	return inEnvironment(previousVariable) || f.SecretPreviousFile != ""
}

// made tells whether a new root secret is made by the rotation itself, in a file of its own.
func (f secretFlags) made(d databaseFlags) bool {
	return !inEnvironment(secretVariable) && !f.previousGiven() && !db.IsPostgres(d.Database)
}

// twoGiven refuses to rotate the root secret unless both are given, and are two.
func (f secretFlags) twoGiven(d databaseFlags) error {
	if !f.previousGiven() {
		return fmt.Errorf("to rotate the root secret, give the new one with %s or --secret-file, and the one in use until now "+
			"with %s or --secret-previous-file; nothing was changed", secretVariable, previousVariable)
	}
	newest, err := digitsOf(secretVariable, f.path(d))
	if err != nil {
		return err
	}
	previous, err := digitsOf(previousVariable, f.SecretPreviousFile)
	if err != nil {
		return err
	}
	if strings.EqualFold(newest, previous) {
		return fmt.Errorf("the new root secret and the previous one are the same; `openssl rand -hex 32` makes a new one; nothing was changed")
	}
	return nil
}

// formerSecret returns the root secret as one that also opens what is sealed under the former one, where that is given.
func (f secretFlags) formerSecret(root access.RootSecret) (access.RootSecret, error) {
	if f.previousGiven() {
		digits, err := digitsOf(previousVariable, f.SecretPreviousFile)
		if err != nil {
			return root, fmt.Errorf("previous %w", err)
		}
		previous, err := access.ParseRootSecret(digits)
		if err != nil {
			return root, fmt.Errorf("%s: %w", previousVariable, err)
		}
		root = root.After(previous)
	}
	return root, nil
}

// nextSecret makes the file of a new root secret, and returns that with the one in use, which opens what is sealed by
// itself. So one that was made before was not put to use, and is thrown away.
func nextSecret(path string, former access.RootSecret) (access.RootSecret, error) {
	if err := keptApart(path); err != nil {
		return former, err
	}
	if err := os.Remove(newFile(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return former, fmt.Errorf("make root secret: %w", err)
	}
	digits, err := makeSecretFile(newFile(path))
	if err == nil {
		err = ownedAs(newFile(path), path)
	}
	if err != nil {
		return former, fmt.Errorf("make root secret: %w", err)
	}
	root, err := access.ParseRootSecret(digits)
	return root.After(former), err
}

// keptApart refuses to overwrite a root secret that backups may need.
func keptApart(path string) error {
	kept, err := os.ReadFile(previousFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	content, readErr := os.ReadFile(path)
	if err = errors.Join(err, readErr); err == nil && string(content) != string(kept) {
		err = fmt.Errorf("%s is there, the root secret of a former rotation: keep it elsewhere with the backups of its time, and delete it here; "+
			"nothing was changed", previousFile(path))
	}
	return err
}

// lockSecretFiles has nobody else rotate the root secret until it is unlocked.
func lockSecretFiles(path string) (unlock func() error, err error) {
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	err = lock.Lock()
	if err == nil {
		err = ownedAs(path+".lock", path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the root secret: %w", err), lock.Unlock())
	}
	return lock.Unlock, nil
}

// ownedAs gives a file that root has made to the owner of the other one, or the server could not read it.
func ownedAs(made, other string) error {
	info, err := os.Stat(other)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	if uid, known := ownerOf(info); known {
		err = os.Chown(made, uid, -1)
	}
	return err
}

// putNewSecret puts the new root secret in the place of the one in use, and keeps that as the previous one. Cut short
// anywhere, it is done again by who opens the database next.
func putNewSecret(path string) error {
	content, err := readSecretFile(path, os.Geteuid())
	if err != nil {
		return err
	}
	next, err := readSecretFile(newFile(path), os.Geteuid())
	if err != nil {
		return err
	}
	if string(content) != string(next) {
		if err := writeSynced(previousFile(path), content, os.O_TRUNC); err != nil {
			return err
		}
		if err := ownedAs(previousFile(path), path); err != nil {
			return err
		}
	}
	if err := os.Rename(newFile(path), path); err != nil {
		return err
	}
	return db.SyncFolder(path)
}

// writeSynced writes a file that only its owner may read, with the flag besides those that every one takes.
func writeSynced(path string, content []byte, flag int) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return db.SyncFolder(path)
}
