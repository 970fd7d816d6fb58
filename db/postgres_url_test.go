package db_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/pgtest"
)

// openers open a database in every way.
func openers(o db.Options) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"open": func(ctx context.Context) error {
			d, err := db.Open(ctx, o)
			if d != nil {
				err = errors.Join(err, d.Close())
			}
			return err
		},
		"open to read": func(ctx context.Context) error {
			d, err := db.OpenToRead(ctx, o.Database, time.Now)
			if d != nil {
				err = errors.Join(err, d.Close())
			}
			return err
		},
		"exists": func(ctx context.Context) error { return db.Exists(ctx, o.Database) },
	}
}

// optionsFor opens the database with a root secret of its own.
func optionsFor(database string) db.Options {
	digits := access.NewRootSecret()
	return db.Options{
		Database: database, Tell: func(access.KeyChange) {}, Now: time.Now,
		Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(digits) },
	}
}

// wantLine fails the test unless the error is this one, in one line, which holds some words and no secret.
func wantLine(t *testing.T, name string, err, want error, words ...string) {
	t.Helper()
	if want == nil && err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", name, err, want)
		return
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%s: the error is %q", name, err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q does not say %q", name, err, word)
		}
	}
}

// REV-4: what cannot be read as a URL is said to be so, without the password that stands in it.
func TestURLThatIsNoneIsRefused(t *testing.T) {
	for _, url := range []string{
		"postgres://keydesk:hunter2@db.example:notaport/keydesk",
		"postgres://keydesk:hunter2@db.example:99999/keydesk",
		"postgres://keydesk:hunter2/@db.example/keydesk",
		"postgres://keydesk:hunter2#@db.example/keydesk",
		"postgres://keydesk:%hunter2@db.example/keydesk",
		"postgres://keydesk:hunter2@[::1/keydesk",
		"postgres://keydesk:hunter2@db example/keydesk",
		"postgres://keydesk:hunter2@db.example/keydesk?sslmode=hunter2",
		"postgres://keydesk:hunter2@db.example/keydesk?sslmode=maybe",
		"postgres://keydesk@db.example/keydesk?password=hunter2&sslmode=maybe",
		"postgres://keydesk@db.example/keydesk?password=hunter2&connect_timeout=x",
		"postgres://keydesk:hunter2@db.example/keydesk?sslrootcert=/nowhere/hunter2&sslmode=verify-full",
		"postgresql://keydesk:hunter2@db.example/keydesk?target_session_attrs=any-hunter2",
		"postgres://\x7fhunter2@db.example",
	} {
		for name, open := range openers(optionsFor(url)) {
			wantLine(t, name+" "+url, open(t.Context()), db.ErrNotURL)
		}
		wantLine(t, "check "+url, db.CheckURL(url), db.ErrNotURL)
		if shown := db.Shown(url); strings.Contains(shown, "hunter2") {
			t.Errorf("%s is shown as %s", url, shown)
		}
	}
}

// REV-4
func TestURLIsShownWithoutItsPassword(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://keydesk:hunter2@db.example/desk":                         "postgres://keydesk@db.example:5432/desk",
		"postgres://keydesk:hun%2Fter2@db.example:6543/desk?sslmode=require": "postgres://keydesk@db.example:6543/desk",
		"postgresql://keydesk@[2001:db8::1]/desk?password=hunter2":           "postgres://keydesk@[2001:db8::1]:5432/desk",
		"postgres://keydesk:hunter2@/desk?host=/run/postgresql":              "postgres://keydesk@:5432/desk?host=/run/postgresql",
	} {
		if got := db.Shown(url); got != want || db.Shown(got) != want {
			t.Errorf("%s is shown as %s, and that as %s", url, got, db.Shown(got))
		}
		if err := db.CheckURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// What is wrong is told in one line, which names the database.
func TestServerThatIsNotThereIsSaidToBeSo(t *testing.T) {
	good := pgtest.Database(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	base, _, _ := strings.Cut(good, "?")
	for name, row := range map[string]struct{ url, words string }{
		"nobody listens":    {"postgres://keydesk:hunter2@127.0.0.1:1/keydesk", "refused"},
		"no answer in time": {"postgres://keydesk:hunter2@" + silent.Addr().String() + "/keydesk?connect_timeout=1&sslmode=disable", "in time"},
		"no such database":  {base + "_not?sslmode=disable", "does not exist"},
		"no such role":      {strings.Replace(good, "postgres@", "nobody:hunter2@", 1), "does not exist"},
		"no TLS":            {strings.Replace(good, "disable", "require", 1), "TLS"},
		"no such folder":    {"postgres://keydesk:hunter2@/keydesk?host=/nowhere", "no such file"},
	} {
		for how, open := range openers(optionsFor(row.url)) {
			wantLine(t, name+", "+how, open(t.Context()), db.ErrUnreachable, row.words, db.Shown(row.url))
		}
	}
}
