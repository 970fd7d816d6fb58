package handlers_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/disktest"
)

// original is a desk that was closed, of which each fault has a copy: alice, bob and erin have a key, and alice, bob and
// root are signed in.
type original struct {
	t            *testing.T
	path         string
	root         access.RootSecret
	visitors     map[string]*visitor
	ids, secrets map[string]string // by user
	before       map[string]int    // what the queries of changes count
	content      string
}

func newOriginal(t *testing.T) *original {
	t.Helper()
	disktest.Install()
	o := &original{
		t: t, path: filepath.Join(t.TempDir(), "keydesk.db"), visitors: map[string]*visitor{}, ids: map[string]string{},
		secrets: map[string]string{}, before: map[string]int{},
	}
	var err error
	if o.root, err = access.ParseRootSecret(access.NewRootSecret()); err != nil {
		t.Fatal(err)
	}
	t.Run("original", func(t *testing.T) {
		d := newDeskOn(t, o.path, o.root, deskURL, access.KeyLimits{})
		d.addPeople()
		d.addUser(access.Person{UserID: "erin", Role: access.User})
		for _, id := range []string{"alice", "bob", "erin"} {
			o.secrets[id], o.ids[id] = d.newKey(id)
		}
		for _, id := range []string{"alice", "bob", "root"} {
			o.visitors[id] = d.signIn(id)
		}
		for _, c := range changes {
			o.before[c.rows] = value[int](d, c.rows)
			if c.also != "" {
				o.before[c.also] = value[int](d, c.also)
			} else {
				entries := `SELECT count(*) FROM audit WHERE action = '` + c.name + `'`
				o.before[entries] = value[int](d, entries)
			}
		}
		o.content = d.everything()
	})
	return o
}

// everything is the state and all else that the changes change.
func (d *desk) everything() string {
	d.t.Helper()
	return d.state() + dbtest.Table(d.t, d.raw, "sessions") + dbtest.Table(d.t, d.raw, "feedback") + dbtest.Table(d.t, d.raw, "sign_ins")
}

// copy returns a desk on a copy of the original.
func (o *original) copy(t *testing.T) *desk {
	t.Helper()
	return newDeskOn(t, copyDatabase(t, o.path), o.root, deskURL, access.KeyLimits{})
}

// killed returns a desk on what a kill would leave behind now.
func (d *desk) killed(o *original) *desk {
	d.t.Helper()
	return newDeskOn(d.t, copyDatabase(d.t, d.path), o.root, deskURL, access.KeyLimits{})
}

func copyDatabase(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "keydesk.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+suffix, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// as returns the original's visitors, on this desk.
func (d *desk) as(o *original) func(userID string) *visitor {
	return func(userID string) *visitor {
		v := d.visitor()
		if of := o.visitors[userID]; of != nil {
			v.cookie = of.cookie
			for name, c := range of.others {
				v.others[name] = c
			}
		}
		return v
	}
}

// steps returns how often the disk is told to do what the fault fails, by a change that it does not fail.
func (o *original) steps(c kindOfChange, f disktest.Fault) (n int) {
	o.t.Run(fmt.Sprintf("%s/%s steps", c.name, f), func(t *testing.T) {
		d := o.copy(t)
		disk := disktest.Fail(t, d.path, f)
		if got := c.outcome(c.make(o, d.as(o))); got != isDone {
			t.Fatal(got)
		}
		n = disk.Seen()
		d.killed(o).holds(o, c, isDone)
	})
	return n
}
