//go:build unix

package main

import (
	"path/filepath"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// newAlone returns one instance on an SQLite database, at work, in which so many users and administrators are signed in.
// Their sessions outlive its restarts.
func newAlone(t *testing.T, users, admins int) *cluster {
	t.Helper()
	return newAloneBehind(t, &relays{t: t}, users, admins)
}

// newAloneBehind is newAlone for a program that is started in a way of its own.
func newAloneBehind(t *testing.T, l link, users, admins int, flags ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, secret: access.NewRootSecret(), cookies: map[string]string{}}
	folder := t.TempDir()
	file, database := filepath.Join(folder, "secret"), filepath.Join(folder, "keydesk.db")
	mustWrite(t, file, c.secret)
	c.addPeople("person", access.User, users, database, file)
	c.addPeople("root", access.Admin, admins, database, file)
	c.addOn(l, database).flags = flags
	c.launchAll()
	c.signIn()
	return c
}
