package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/provetest"
)

// emulator is what runs the program as a machine of this kind would.
var emulator = "qemu-" + map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]

// setClock starts the program under a clock that a file sets. The program asks the system for the time without any library
// in between, so a machine of its own does it: qemu, which asks by the library that faketime takes the place of. Timers go on.
type setClock struct {
	*relays
	library, file string
}

func newSetClock(t *testing.T) *setClock {
	t.Helper()
	libraries, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if _, missing := exec.LookPath(emulator); err != nil || missing != nil || len(libraries) == 0 {
		t.Skip("there is no qemu-user or no faketime here")
	}
	c := &setClock{&relays{t: t}, libraries[0], filepath.Join(t.TempDir(), "clock")}
	c.set("+0")
	return c
}

// stop stops a clock.
const stop = "stop"

// set sets the clock by how much it is off, as faketime says it, or stops it.
func (c *setClock) set(at string) {
	c.t.Helper()
	if at == stop {
		at = time.Now().Format(time.DateTime)
	}
	next := c.file + ".next" // or it would be read half written
	mustWrite(c.t, next, at+"\n")
	if err := os.Rename(next, c.file); err != nil {
		c.t.Fatal(err)
	}
}

func (c *setClock) program(name string, args ...string) *exec.Cmd {
	return exec.Command("env", append([]string{
		"LD_PRELOAD=" + c.library, "FAKETIME_TIMESTAMP_FILE=" + c.file, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1",
		emulator, "-U", "LD_PRELOAD", name,
	}, args...)...)
}

// DUR-7, AUD-9, IO-6: the program itself, while its clock is set.
func TestProveClock(t *testing.T) {
	if !provetest.Asked() {
		t.Skip("KEYDESK_PROVE=1 tries this: it emulates a processor")
	}
	clock := newSetClock(t)
	c := newAloneBehind(t, clock, 1, 1, "--trusted-proxies=127.0.0.1")
	at := c.instances[0]
	var made []provedKey
	for n, way := range []struct {
		name  string
		set   []string // one after the other
		ends  bool     // the sessions of before
		tries int      // how often tries begin anew
	}{
		{"right", []string{"+0"}, false, 1},
		{"back an hour", []string{"-1h"}, true, 2},
		{"back a year", []string{"-1y"}, true, 2},
		{"ten years on", []string{"+10y"}, true, 2},
		{"a stop", []string{stop}, false, 1},
		{"a jitter", []string{"-40", "+13", "-25", "+9", "-33", "+20", "-8"}, false, 1},
	} {
		clock.set("+0")
		c.signInAnew()
		before := c.cookies["person0"]
		address := fmt.Sprintf("192.0.2.%d", n+1)
		looked := c.failFrom(address)
		for _, set := range way.set {
			clock.set(set)
			got := ask(http.MethodGet, "http://"+at.pages+"/profile/keys", http.Header{"Cookie": {before}}, changeTime)
			if ended := got.status == http.StatusSeeOther; ended != way.ends {
				t.Errorf("%s: a session from before: %d", way.name, got.status)
			}
			looked += c.failFrom(address)
			c.signInAnew()
			for range 3 {
				k, became := at.create("person0")
				if became != changed {
					t.Fatalf("%s: no key: %s", way.name, became)
				}
				made = append(made, k)
			}
			c.wantAges(way.name)
		}
		if want := way.tries * access.AddressFailures; looked != want {
			t.Errorf("%s: %d failures were looked at, want %d", way.name, looked, want)
		}
		last := made[len(made)-1]
		if at.mustAccept(last); at.deactivate(last) != changed || at.judge(last.secret, changeTime) != deactivated {
			t.Errorf("%s: a key is not deactivated", way.name)
		}
	}
	clock.set("+0")
	c.signInAnew()
	c.wantOrder(made)
	at.terminate()
	t.Logf("the clock of the program set back by an hour and by a year, ten years on, stopped, and to and fro: %d keys made, all in "+
		"order", len(made))
}

// signInAnew signs everybody in by the clock of now.
func (c *cluster) signInAnew() {
	c.t.Helper()
	clear(c.cookies)
	c.signIn()
}

// failFrom fails to sign in from an address until it has to wait, and returns how often that was looked at.
func (c *cluster) failFrom(address string) (looked int) {
	c.t.Helper()
	for range access.AddressFailures + 5 {
		got := askWith(http.MethodPost, "http://"+c.instances[0].pages+"/login", http.Header{
			"X-Forwarded-For": {address}, "Content-Type": {"application/x-www-form-urlencoded"},
		}, strings.NewReader(url.Values{"user_id": {"nobody"}, "password": {"a wrong password"}}.Encode()), changeTime)
		switch got.status {
		case http.StatusUnprocessableEntity:
			looked++
		case http.StatusTooManyRequests:
			wait, err := strconv.Atoi(got.header.Get("Retry-After"))
			if err != nil || wait > int((2*access.AddressWindow).Seconds()) {
				c.t.Errorf("an address waits for %q", got.header.Get("Retry-After"))
			}
			return looked
		default:
			c.t.Fatalf("a sign-in: %d %v", got.status, got.err)
		}
	}
	return looked
}

// below0 finds a number below zero in a page or a report.
var below0 = regexp.MustCompile(`[\s,>]-\d`)

func (c *cluster) wantAges(when string) {
	c.t.Helper()
	for path, person := range map[string]string{
		"/profile/keys": "person0", "/admin/users/person0": "root0", "/admin/history?tab=changes": "root0", "/admin/users/export.csv": "root0",
	} {
		got := ask(http.MethodGet, "http://"+c.instances[0].pages+path, http.Header{"Cookie": {c.cookies[person]}}, changeTime)
		if got.status != http.StatusOK || below0.MatchString(got.body) {
			c.t.Errorf("%s: %s: %d, with %q", when, path, got.status, below0.FindString(got.body))
		}
	}
}

// wantOrder looks for the keys in the database: all are there, in the order in which they were made, by number, by id and in
// the audit log.
func (c *cluster) wantOrder(made []provedKey) {
	c.t.Helper()
	conn := dbtest.Open(c.t, c.instances[0].database)
	var want, byNumber, byID, byChange []string
	for _, k := range made {
		want = append(want, k.id)
	}
	for query, into := range map[string]*[]string{
		`SELECT id FROM keys ORDER BY number`: &byNumber, `SELECT id FROM keys ORDER BY id`: &byID,
		`SELECT key_id FROM audit WHERE action = 'create key' ORDER BY number`: &byChange,
	} {
		if err := conn.Select(into, query); err != nil {
			c.t.Fatal(err)
		}
		if !slices.Equal(*into, want) {
			c.t.Errorf("%s: %q, want %q", query, *into, want)
		}
	}
}
