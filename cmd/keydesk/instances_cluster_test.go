//go:build unix

package main

import (
	"fmt"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/pgtest"
	"github.com/keydesk/keydesk/db/provetest"
)

// brief has a short form run beside other tests, as it waits most of its time. A long form has the machine to itself: its
// figures are written down.
func brief(t *testing.T) {
	if !provetest.Asked() {
		t.Parallel()
	}
}

// oneOf returns what goes for the short form of a test, or for its long one.
func oneOf[T any](short, long T) T {
	if provetest.Asked() {
		return long
	}
	return short
}

// cluster is a database with people in it, and the instances of the program that work on it.
type cluster struct {
	t         *testing.T
	primary   *pgtest.Server // nil where one instance works on SQLite
	standby   *pgtest.Server // nil where there is none
	secret    string
	patience  time.Duration // with verify, where it is not the usual one
	previous  string        // the root secret of before, while it is rotated
	people    []string
	cookies   map[string]string // of each person's session, which is good at every instance
	instances []*instance
}

const clusterDatabase = "keydesk"

// newCluster starts PostgreSQL, with the settings that it comes with, and makes a database with so many people. It starts
// no instance.
func newCluster(t *testing.T, people int) *cluster {
	t.Helper()
	c := &cluster{t: t, primary: pgtest.Start(t, "listen_addresses=*"), secret: access.NewRootSecret(), cookies: map[string]string{}}
	c.primary.CreateDatabase(clusterDatabase)
	file := filepath.Join(t.TempDir(), "secret")
	mustWrite(t, file, c.secret)
	c.addPeople("person", access.User, people, c.primary.DSN(clusterDatabase), file)
	return c
}

// addPeople adds so many people of a role, whose User IDs begin so, while no instance is at work.
func (c *cluster) addPeople(name string, role access.Role, n int, database, secretFile string) {
	c.t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s%d", name, i)
		code, _, complaint := command(c.t, password, "user", "add", id, "--role="+string(role), "--password-stdin",
			"--database="+database, "--secret-file="+secretFile)
		if code != 0 {
			c.t.Fatalf("user add: %s", complaint)
		}
		c.people = append(c.people, id)
	}
}

// addStandby gives the primary a synchronous standby.
func (c *cluster) addStandby() {
	c.t.Helper()
	// It comes back as soon as the primary does, or the test would measure how seldom it tries.
	c.standby = c.primary.Standby("listen_addresses=*", "wal_retrieve_retry_interval=200ms")
}

// servers returns the addresses of the servers as they are reached under this host.
func (c *cluster) servers(host string) (addresses []string) {
	c.t.Helper()
	for _, s := range []*pgtest.Server{c.primary, c.standby} {
		if s == nil {
			continue
		}
		u, err := url.Parse(s.DSN(clusterDatabase))
		if err != nil {
			c.t.Fatal(err)
		}
		addresses = append(addresses, host+":"+u.Port())
	}
	return addresses
}

// signIn signs everybody in, whose sessions are good at every instance.
func (c *cluster) signIn() {
	c.t.Helper()
	for _, person := range c.people {
		d := &desk{t: c.t, url: "http://" + c.instances[0].pages}
		v := d.signIn(person)
		at, err := url.Parse(d.url)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, cookie := range v.Jar.Cookies(at) {
			c.cookies[person] += cookie.Name + "=" + cookie.Value + "; "
		}
	}
}

// others returns the instances but for one.
func (c *cluster) others(but *instance) (rest []*instance) {
	for _, i := range c.instances {
		if i != but {
			rest = append(rest, i)
		}
	}
	return rest
}
