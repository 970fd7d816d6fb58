package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const password = "correct horse desk battery"

// desk is the program, running for real on a database of its own with a user, another user and an administrator.
type desk struct {
	t    *testing.T
	dir  string
	url  string
	out  *buffer
	log  *buffer
	stop func() int // ends it as SIGTERM does and returns its exit code
}

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

// newDesk starts the program with three people: alice, bob and root, the administrator.
func newDesk(t *testing.T, flags ...string) *desk {
	t.Helper()
	dir := t.TempDir()
	addPeople(t, dir)
	return startDesk(t, dir, flags...)
}

// addPeople adds alice, bob and root to the database in dir.
func addPeople(t *testing.T, dir string) {
	t.Helper()
	for id, role := range map[string]string{"alice": "user", "bob": "user", "root": "admin"} {
		code, _, complaint := command(t, password, "user", "add", id, "--role="+role, "--password-stdin",
			"--database="+filepath.Join(dir, "keydesk.db"))
		if code != 0 {
			t.Fatalf("user add: %s", complaint)
		}
	}
}

// startDesk starts the program on the database in dir.
func startDesk(t *testing.T, dir string, flags ...string) *desk {
	t.Helper()
	d := &desk{t: t, dir: dir, out: &buffer{}, log: &buffer{}}
	args := append([]string{"serve", "--addr=127.0.0.1:0", "--database=" + filepath.Join(dir, "keydesk.db")}, flags...)
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, stdio{strings.NewReader(""), d.out, d.log}) }()
	d.stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { d.stop() })
	d.url = d.await(code)
	return d
}

// await returns the address that the program prints, once it has.
func (d *desk) await(ended chan int) string {
	d.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if found := readyPattern.FindStringSubmatch(d.out.String()); found != nil {
			return found[1]
		}
		select {
		case code := <-ended:
			ended <- code // for who stops it
			d.t.Fatalf("ended with %d: %s", code, d.log.String())
		case <-deadline:
			d.t.Fatalf("did not get ready: %s %s", d.out.String(), d.log.String())
		case <-tick.C:
		}
	}
}

// command runs the program to its end.
func command(t *testing.T, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, stdio{strings.NewReader(input), &out, &err})
	return code, out.String(), err.String()
}

// visitor is a browser without a screen: it keeps cookies and does not follow redirects.
type visitor struct {
	*http.Client
	desk *desk
}

func (d *desk) visitor() *visitor {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return &visitor{&http.Client{
		Jar:           jar,
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, d}
}

// signIn returns a visitor who is signed in.
func (d *desk) signIn(userID string) *visitor {
	d.t.Helper()
	v := d.visitor()
	if got := v.post("/login", url.Values{"user_id": {userID}, "password": {password}}); got.status != http.StatusSeeOther {
		d.t.Fatalf("sign-in of %s: %d", userID, got.status)
	}
	return v
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (v *visitor) get(path string) reply { return v.send(http.MethodGet, path, nil, nil) }

func (v *visitor) post(path string, form url.Values) reply {
	return v.send(http.MethodPost, path, form, nil)
}

func (v *visitor) send(method, path string, form url.Values, header http.Header) reply {
	v.desk.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.desk.t.Context(), method, v.desk.url+path, body)
	if err != nil {
		v.desk.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := v.Do(r)
	if err != nil {
		v.desk.t.Fatal(err)
	}
	text, err := readAll(answer)
	if err != nil {
		v.desk.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, text}
}

func readAll(answer *http.Response) (string, error) {
	text, err := io.ReadAll(answer.Body)
	return string(text), errors.Join(err, answer.Body.Close())
}

var (
	readyPattern  = regexp.MustCompile(`ready at (\S+)`)
	secretPattern = regexp.MustCompile(`kd_[0-9A-Za-z]{38}`)
	keyPath       = regexp.MustCompile(`/profile/keys/([0-9a-f-]{36})`)
)

// newKey makes a key and returns it in full, with its id.
func (v *visitor) newKey() (secret, id string) {
	v.desk.t.Helper()
	made := v.post("/profile/keys", url.Values{})
	secret = secretPattern.FindString(made.body)
	found := keyPath.FindStringSubmatch(made.body)
	if made.status != http.StatusOK || secret == "" || found == nil {
		v.desk.t.Fatalf("no key: %d %s", made.status, made.body)
	}
	return secret, found[1]
}

// verify asks whether the key is good.
func (d *desk) verify(secret string) reply {
	d.t.Helper()
	return d.visitor().send(http.MethodGet, "/api/v1/verify", nil, http.Header{"Authorization": {"Bearer " + secret}})
}

func mustWrite(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sql changes the database behind the program's back.
func (d *desk) sql(statement string) {
	d.t.Helper()
	db := d.behind()
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(d.t.Context(), statement); err != nil {
		d.t.Fatal(err)
	}
}

// count returns the number that a query yields.
func (d *desk) count(query string) (n int) {
	d.t.Helper()
	db := d.behind()
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(d.t.Context(), query).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

// behind opens the database beside the program.
func (d *desk) behind() *sql.DB {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(d.dir, "keydesk.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		d.t.Fatal(err)
	}
	return db
}
