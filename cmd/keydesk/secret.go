package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

const secretVariable = "KEYDESK_SECRET"

// openDatabase opens the database for writing, with the root secret and the anchor that the settings name.
func openDatabase(ctx context.Context, d databaseFlags, s secretFlags, a anchorFlags, o db.Options) (*db.DB, error) {
	if err := errors.Join(d.check(), s.check(d), a.check(d)); err != nil {
		return nil, err
	}
	o.Database, o.Now, o.Anchor, o.AcceptLoss = d.Database, time.Now, a.file(d), a.AcceptLoss
	o.Root = func(fresh bool) (access.RootSecret, error) {
		return s.root(s.path(d), fresh && !db.IsPostgres(d.Database))
	}
	opened, err := db.Open(ctx, o)
	if err != nil {
		return nil, wrongSecret(err, s.path(d), d.Database)
	}
	if path := s.path(d); !inEnvironment(secretVariable) && path != "" && !missing(newFile(path)) {
		unlock, err := lockSecretFiles(path)
		if err == nil {
			err = errors.Join(finishRotation(ctx, opened, path), unlock())
		}
		if err != nil {
			return nil, errors.Join(err, opened.Close())
		}
	}
	return opened, nil
}

// wrongSecret names, of a root secret that does not open the database, where both are.
func wrongSecret(err error, path, database string) error {
	if !errors.Is(err, db.ErrWrongSecret) {
		return err
	}
	if inEnvironment(secretVariable) {
		path = secretVariable
	}
	return fmt.Errorf("the root secret in %s does not open %s: %w", path, db.Shown(database), db.ErrWrongSecret)
}

// root returns the root secret, as one that also opens what is sealed under the others that are given. With fresh its file
// may be made.
func (f secretFlags) root(path string, fresh bool) (access.RootSecret, error) {
	// Before the file whose place it takes: read after that it could be neither here nor there.
	made, none := access.RootSecret{}, fs.ErrNotExist
	if path != "" && !inEnvironment(secretVariable) {
		made, none = secretIn(newFile(path))
	}
	root, err := rootSecret(path, fresh)
	if err != nil {
		return root, err
	}
	if none == nil {
		root = root.After(made)
	}
	return f.formerSecret(root)
}

// finishRotation has a new root secret take its place under which everything is sealed already, because the command that
// made it was cut short. Nobody else rotates it meanwhile.
func finishRotation(ctx context.Context, d *db.DB, path string) error {
	err := db.ErrWrongSecret // where there is none any more, or none that anything can be sealed under
	if made, bad := secretIn(newFile(path)); bad == nil {
		err = d.SealedUnder(ctx, made)
	}
	switch {
	case errors.Is(err, db.ErrWrongSecret):
		return nil
	case err != nil:
		return err
	}
	if err := putNewSecret(path); err != nil {
		return fmt.Errorf("the root secret was rotated, and the new one is in %s: put it in the place of %s: %w", newFile(path), path, err)
	}
	return nil
}

// check refuses to make up a root secret for PostgreSQL: every instance has to be given the same.
func (f secretFlags) check(d databaseFlags) error {
	if inEnvironment(secretVariable) || f.SecretFile != "" || !db.IsPostgres(d.Database) {
		return nil
	}
	return fmt.Errorf("with PostgreSQL every instance is given the same root secret, in %s or --secret-file; "+
		"`openssl rand -hex 32` makes one", secretVariable)
}

// path returns the file of the root secret.
func (f secretFlags) path(d databaseFlags) string {
	if f.SecretFile != "" || db.IsPostgres(d.Database) {
		return f.SecretFile
	}
	return filepath.Join(filepath.Dir(d.Database), "keydesk.secret")
}

// inEnvironment tells whether the variable is set, be it to nothing.
func inEnvironment(variable string) bool {
	_, set := os.LookupEnv(variable)
	return set
}

// rootSecret returns the secret of the environment, else of the file; the file is made for a fresh database only.
func rootSecret(path string, fresh bool) (access.RootSecret, error) {
	from := path
	if inEnvironment(secretVariable) {
		from = secretVariable
	}
	digits, err := digitsOf(secretVariable, path)
	switch {
	case err == nil:
	case !errors.Is(err, fs.ErrNotExist):
		return access.RootSecret{}, err
	case !fresh:
		return access.RootSecret{}, fmt.Errorf("%s: the root secret of this database is missing; put the file back, "+
			"or give the secret with %s or --secret-file", path, secretVariable)
	default:
		if digits, err = makeSecretFile(path); err != nil {
			return access.RootSecret{}, fmt.Errorf("make root secret: %w", err)
		}
	}
	root, err := access.ParseRootSecret(digits)
	if err != nil {
		return root, fmt.Errorf("%s: %w", from, err)
	}
	return root, nil
}

// digitsOf returns a root secret as it is spelt in the environment, else in the file.
func digitsOf(variable, path string) (string, error) {
	if digits, set := os.LookupEnv(variable); set {
		return digits, nil
	}
	digits, err := digitsIn(path)
	if err != nil {
		return "", fmt.Errorf("root secret: %w", err)
	}
	return digits, nil
}

// secretIn returns the root secret in the file.
func secretIn(path string) (access.RootSecret, error) {
	digits, err := digitsIn(path)
	if err != nil {
		return access.RootSecret{}, err
	}
	return access.ParseRootSecret(digits)
}

func digitsIn(path string) (string, error) {
	content, err := readSecretFile(path, os.Geteuid())
	return strings.TrimSpace(string(content)), err
}

// readSecretFile reads the file of the root secret for the user that runs the program. Whoever owns the file can change
// it at any time, so it is theirs or root's. Root reads everybody's: the operator's commands run beside a service that
// has a user of its own.
func readSecretFile(path string, us int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if uid, known := ownerOf(info); known && uid != 0 && us != 0 && uid != us {
		return nil, fmt.Errorf("%s belongs to another user (uid %d); chown it to the one that runs keydesk (uid %d)", path, uid, us)
	}
	return io.ReadAll(f)
}

// warnOfOpenSecret says if others than its owner can read the file of the root secret. Some platforms hand secrets over
// so, in a place of their own; so it is no reason to refuse, and systemd's credentials are none to warn of.
func warnOfOpenSecret(path string, log *slog.Logger) {
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	if inEnvironment(secretVariable) || credentials != "" && filepath.Dir(path) == filepath.Clean(credentials) {
		return
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others can read the file of the root secret; run chmod 600 on it", "file", path, "mode", info.Mode().Perm().String())
	}
}

// makeSecretFile makes the file with a new root secret, on disk before anything is sealed under it, whole or not at all. Where
// another database's first start has just made one, it makes none.
func makeSecretFile(path string) (digits string, err error) {
	digits = access.NewRootSecret()
	partial := path + "." + rand.Text()
	if err := writeSynced(partial, []byte(digits+"\n"), os.O_EXCL); err != nil {
		return "", err
	}
	if err := db.RenameNew(partial, path); err != nil {
		return "", errors.Join(err, os.Remove(partial))
	}
	return digits, db.SyncFolder(path)
}
