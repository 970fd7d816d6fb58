package db_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// desk is a database in a folder of its own, with two users, an administrator, and a clock that stands still until it
// is moved. Its people have the password hash "x", because hashing is not what is tested here.
type desk struct {
	*db.DB
	clock
	told

	t        *testing.T
	path     string // of the file, or the URL
	digits   string // of the root secret
	operator access.Actor
	alice    access.Actor // a user
	bob      access.Actor // another
	root     access.Actor // an administrator
}

// newDesk opens a database with alice, bob and root.
func newDesk(t *testing.T) *desk {
	t.Helper()
	return peopled(emptyDesk(t))
}

// newSQLiteDesk is newDesk for what only SQLite does, or does so.
func newSQLiteDesk(t *testing.T) *desk {
	t.Helper()
	return peopled(deskAt(t, dbtest.NewFile(t)))
}

// newPostgresDesk is newDesk for what only PostgreSQL does, or does so.
func newPostgresDesk(t *testing.T) *desk {
	t.Helper()
	return peopled(deskAt(t, dbtest.NewCopy(t)))
}

func peopled(d *desk) *desk {
	d.t.Helper()
	d.alice, d.bob = d.addUser("alice"), d.addUser("bob")
	d.root = access.Actor{UserID: "root", Role: access.Admin, Address: "192.0.2.9"}
	d.add(access.Person{UserID: "root", Role: access.Admin})
	return d
}

// emptyDesk opens a new database without people.
func emptyDesk(t *testing.T) *desk {
	t.Helper()
	return deskAt(t, dbtest.New(t))
}

// deskAt opens the database of this name, which has no people yet.
func deskAt(t *testing.T, database string) *desk {
	t.Helper()
	d := &desk{t: t, path: database, digits: access.NewRootSecret(), operator: access.TheOperator()}
	d.set(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	d.open()
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (d *desk) open() {
	d.t.Helper()
	d.openWith(d.options())
}

func (d *desk) openWith(o db.Options) {
	d.t.Helper()
	var err error
	if d.DB, err = db.Open(d.t.Context(), o); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) reopen() {
	d.t.Helper()
	d.close()
	d.open()
}

func (d *desk) close() {
	d.t.Helper()
	if err := d.Close(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) options() db.Options {
	return db.Options{
		Database: d.path, Tell: d.note, Now: d.now,
		Root: func(bool) (access.RootSecret, error) { return access.ParseRootSecret(d.digits) },
	}
}

func (d *desk) add(p access.Person) {
	d.t.Helper()
	if err := d.AddUser(d.t.Context(), d.operator, p, "x"); err != nil {
		d.t.Fatal(err)
	}
}

// addUser adds a user and returns the actor.
func (d *desk) addUser(id string) access.Actor {
	d.t.Helper()
	d.add(access.Person{UserID: id, Role: access.User})
	return access.Actor{UserID: id, Role: access.User, Address: "192.0.2.1"}
}

// with returns the attempt with the password that everybody has here.
func with(s access.SignIn) access.Attempt { return access.Attempt{SignIn: s, Password: "x"} }

// from returns what is known of who uses a link.
func from(address string) access.Attempt {
	return access.Attempt{SignIn: access.SignIn{Address: address}}
}

// changes returns the newest page of the audit log.
func (d *desk) changes() []access.Change {
	d.t.Helper()
	changes, _, err := d.Changes(d.t.Context(), access.Actor{UserID: "root", Role: access.Admin}, access.ChangeFilter{}, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return changes
}

// wantRefusal fails the test unless err is a refusal of this code.
func wantRefusal(t *testing.T, err error, code access.Code) {
	t.Helper()
	if access.Refused(err, code) == nil {
		t.Errorf("got %v, want a refusal of code %d", err, code)
	}
}

// clock stands still until it is moved.
type clock struct{ micros atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()) }
func (c *clock) set(at time.Time)        { c.micros.Store(at.UnixMicro()) }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// told keeps what the database told of, in the order in which it did.
type told struct {
	mu   sync.Mutex
	list []access.KeyChange
}

func (t *told) note(c access.KeyChange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, c)
}

func (t *told) all() []access.KeyChange {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]access.KeyChange(nil), t.list...)
}

// content returns everything that people and programs have put into the tables.
func (d *desk) content() string {
	d.t.Helper()
	conn := dbtest.Open(d.t, d.path)
	defer func() { _ = conn.Close() }()
	return dbtest.Content(d.t, conn)
}
