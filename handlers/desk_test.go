package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/handlers"
	"github.com/keydesk/keydesk/verify"
)

const (
	deskURL     = "http://desk.example"
	password    = "correct horse desk battery"
	idleSession = time.Hour
	maxSession  = 12 * time.Hour
)

// passwordHash is the hash of everybody's password: it costs 30 ms, so it is made once.
var passwordHash = sync.OnceValues(func() (string, error) { return access.HashPassword(password) })

// opening is when every desk's clock begins; it stands still unless it is moved. It is 1 March there, 28 February in UTC.
var opening = time.Date(2026, time.March, 1, 0, 30, 0, 0, time.FixedZone("", 2*60*60))

// desk is the true application on a database of its own, with alice and bob, who are users, carol, who was a user and
// is disabled, and root, the administrator.
type desk struct {
	t     *testing.T
	app   *handlers.App
	db    *db.DB
	raw   dbtest.Outside // for what no page can do
	keys  *verify.Table
	uses  *verify.Uses
	log   *buffer
	path  string // of the database
	root  access.RootSecret
	url   string
	inner string // the address of an inner network
	asks  string // where verify is asked
	web   *http.Client
	moved atomic.Int64 // nanoseconds of the clock since the opening
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskAt(t, deskURL)
}

// newDeskAt returns a desk that people reach at the base URL.
func newDeskAt(t *testing.T, baseURL string) *desk {
	t.Helper()
	d := newEmptyDesk(t, baseURL, access.KeyLimits{})
	d.addPeople()
	return d
}

// addPeople adds those whom the tests know.
func (d *desk) addPeople() {
	d.t.Helper()
	for id, role := range map[string]access.Role{
		"alice": access.User, "bob": access.User, "carol": access.User, "root": access.Admin,
	} {
		d.addUser(access.Person{UserID: id, Role: role})
	}
	d.exec(`UPDATE users SET disabled_at = created_at WHERE id = 'carol'`)
}

// newEmptyDesk returns a desk without anybody.
func newEmptyDesk(t *testing.T, baseURL string, limits access.KeyLimits) *desk {
	t.Helper()
	root, err := access.ParseRootSecret(access.NewRootSecret())
	if err != nil {
		t.Fatal(err)
	}
	return newDeskOn(t, dbtest.New(t), root, baseURL, limits)
}

// newDeskOn returns a desk on the database.
func newDeskOn(t *testing.T, path string, root access.RootSecret, baseURL string, limits access.KeyLimits) *desk {
	t.Helper()
	d := &desk{t: t, keys: verify.NewTable(), uses: &verify.Uses{}, log: &buffer{}, path: path, root: root}
	d.open(limits)
	base, err := url.Parse(baseURL)
	d.must(err)
	d.app, err = handlers.New(handlers.Config{
		DB: d.db, Keys: d.keys, Uses: d.uses, Log: slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		BaseURL: base, KeyPrefix: access.DefaultPrefix, Limits: access.SessionLimits{Idle: idleSession, Max: maxSession},
	})
	d.must(err)
	server := httptest.NewServer(d.app)
	t.Cleanup(server.Close)
	transport := &http.Transport{DisableCompression: true} // so that what was encoded would be seen
	t.Cleanup(transport.CloseIdleConnections)
	d.url, d.asks = server.URL, server.URL
	d.inner = d.serveInner()
	d.web = &http.Client{
		Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d
}

// serveInner serves the inner address, and returns its URL.
func (d *desk) serveInner() string {
	d.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	d.must(err)
	inner := d.app.Inner()
	served := make(chan error, 1)
	go func() { served <- inner.Serve(listener) }()
	d.t.Cleanup(func() {
		err := inner.Shutdown(context.Background())
		_ = listener.Close() // it is, unless the test was over before it was served
		if err := errors.Join(err, <-served); err != nil {
			d.t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func (d *desk) open(limits access.KeyLimits) {
	d.t.Helper()
	var err error
	d.db, err = db.Open(context.Background(), db.Options{
		Database: d.path,
		Root:     func(bool) (access.RootSecret, error) { return d.root, nil },
		Limits:   limits,
		Tell:     d.keys.Note,
		Now:      func() time.Time { return opening.Add(time.Duration(d.moved.Load())) },
	})
	d.must(err)
	stop, err := d.db.Follow(context.Background(), db.Follower{
		Reserve: d.keys.Reserve, Note: d.keys.Note, Trouble: func(error) {}, Lost: func(error) {},
	})
	d.must(err)
	d.raw = dbtest.Open(d.t, d.path)
	d.t.Cleanup(func() {
		stop()
		if err := d.db.Close(); err != nil {
			d.t.Error(err)
		}
	})
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) addUser(p access.Person) {
	d.t.Helper()
	hash, err := passwordHash()
	d.must(err)
	d.must(d.db.AddUser(context.Background(), access.TheOperator(), p, hash))
}

// later moves the clock.
func (d *desk) later(by time.Duration) { d.moved.Add(int64(by)) }

// buffer is a bytes.Buffer that one goroutine may fill while another looks.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// empty forgets what was written.
func (b *buffer) empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b = bytes.Buffer{}
}

// seconds returns the time of the clock as seconds since 1970.
func (d *desk) seconds() string { return strconv.FormatInt(d.db.Now().Unix(), 10) }
