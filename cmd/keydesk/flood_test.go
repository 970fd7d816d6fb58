//go:build unix

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// flooded is a desk that may have 256 files open, as a process of its own.
type flooded struct {
	*soak
	base soakSample
	held []net.Conn
}

func newFlooded(t *testing.T) *flooded {
	t.Helper()
	dir := newDeskFolder(t)
	s := &soak{t: t, inner: freeAddress(t), said: map[string]int{}}
	limited := append([]string{"-c", `ulimit -n 256 && exec "$0" "$@"`, os.Args[0]}, serveIn(dir)...)
	s.desk, s.process = startCommand(t, dir, exec.Command("sh", append(limited, "--verify-addr="+s.inner, "--log-level=warn")...))
	for _, user := range []string{"alice", "bob", "root"} {
		s.people = append(s.people, s.desk.signIn(user))
	}
	secret, _ := s.people[0].newKey()
	s.good = []string{secret}
	f := &flooded{soak: s}
	f.lives() // so that all is there that is kept
	f.base = s.rests()
	t.Cleanup(f.letGo)
	return f
}

// outer is the desk's own address.
func (f *flooded) outer() string { return strings.TrimPrefix(f.desk.url, "http://") }

// hold opens connections from an address of loopback, and sends the words on each, which are no whole request.
func (f *flooded) hold(n int, from, to, words string) {
	f.t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: changeTime}
	for range n {
		conn, err := dialer.Dial("tcp", to)
		if err != nil {
			f.t.Fatal(err)
		}
		_, _ = io.WriteString(conn, words) // some are hung up on already
		f.held = append(f.held, conn)
	}
}

func (f *flooded) letGo() {
	for _, conn := range f.held {
		_ = conn.Close()
	}
	f.held = nil
}

// lives checks that everybody is served who comes anew: verifies at both addresses, pages, sign-ins, changes and the report.
func (f *flooded) lives() {
	f.t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:forcetypeassert // of the visitors
	asking.CloseIdleConnections()
	key := http.Header{"X-Api-Key": {f.good[0]}}
	for _, base := range []string{"http://" + f.inner, f.desk.url} {
		if got := ask(http.MethodGet, base+"/api/v1/verify", key, changeTime); got.status != http.StatusOK {
			f.t.Errorf("verify at %s: %s", base, got)
		}
	}
	f.desk.signIn("bob").newKey()
	const report = "/admin/users/export.csv"
	for i, path := range []string{"/profile/keys", "/help/api-keys", report} {
		got := f.as(f.people[i], http.MethodGet, path, nil, "")
		for began := time.Now(); path == report && got.status == http.StatusTooManyRequests && time.Since(began) < changeTime; {
			got = f.as(f.people[i], http.MethodGet, path, nil, "") // it waits for those of a flood for 2 seconds at a time
		}
		if got.status != http.StatusOK {
			f.t.Errorf("%s: %s", path, got)
		}
	}
}

// recovers checks that nothing is left of a flood, and that the process has had files enough.
func (f *flooded) recovers() {
	f.t.Helper()
	f.letGo()
	f.lives()
	f.returnsTo(f.base)
	if log := f.desk.log.String(); strings.Contains(log, "too many open files") || strings.Contains(log, "cannot") {
		f.t.Errorf("it says %s", log)
	}
}

// DOS-3, DOS-2: who holds a thousand connections open to a desk of 256 files, saying nothing or half a request, locks nobody
// out, from whichever address; the database has its files, and nothing is left of it.
func TestThousandIdleConnectionsLockNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFlooded(t)
	for _, words := range []string{"", "GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: "} {
		f.hold(500, "127.0.0.1", f.outer(), words)
		f.hold(500, "127.0.0.1", f.inner, words)
		f.lives()
		during, ok := f.sample()
		t.Logf("with %d connections, each saying %q: %s", len(f.held), words, during)
		if !ok || during.files > 256-20 {
			t.Errorf("there are %s", during)
		}
		f.recovers()
	}
}

// DOS-2, DOS-3: who sends the bodies of a thousand requests a byte at a time has half of the connections, so that others are
// served meanwhile, and is cut off.
func TestSlowBodiesLockNobodyElseOut(t *testing.T) {
	t.Parallel()
	f := newFlooded(t)
	f.hold(1000, "127.0.0.9", f.outer(), "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: 60000\r\n\r\nuser_id=")
	f.hold(500, "127.0.0.9", f.inner, "POST /api/v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\nx")
	f.lives()
	f.recovers()
}

// DOS-2, DOS-7: who reads a report a byte at a time, many times at once, waits with the others who do; pages and verify go on.
func TestSlowReadersLockNobodyOut(t *testing.T) {
	t.Parallel()
	f := newFlooded(t)
	cookie := ""
	for _, c := range f.people[2].Jar.Cookies(mustParse(t, f.desk.url)) {
		cookie += c.Name + "=" + c.Value + "; "
	}
	for _, path := range []string{"/admin/users/export.csv", "/admin/users", "/help/api-keys"} {
		f.hold(100, "127.0.0.9", f.outer(), "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nCookie: "+cookie+"\r\n\r\n")
	}
	var reading sync.WaitGroup
	stop := make(chan struct{})
	for _, conn := range f.held {
		reading.Go(func() {
			repeatedly(100*time.Millisecond, stop, func(int) { _, _ = conn.Read(make([]byte, 1)) })
		})
	}
	f.lives()
	close(stop)
	f.letGo()
	reading.Wait()
	f.recovers()
}

// DOS-3: two thousand connections from one address that end as soon as they are made, some with a question whose answer nobody
// waits for, hold nobody else up.
func TestConnectionFloodPassesBy(t *testing.T) {
	t.Parallel()
	f := newFlooded(t)
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.9")}, Timeout: changeTime}
	var coming sync.WaitGroup
	defer coming.Wait()
	for n := range 8 {
		coming.Go(func() {
			for i := range 250 {
				conn, err := from.Dial("tcp", []string{f.outer(), f.inner}[i%2])
				if err != nil {
					t.Error(err)
					return
				}
				if n%2 == 0 {
					_, _ = fmt.Fprintf(conn, "GET /api/v1/verify HTTP/1.1\r\nHost: %s\r\nX-Api-Key: %s\r\n\r\n", f.outer(), f.good[0])
				}
				_ = conn.Close()
			}
		})
	}
	f.lives()
	coming.Wait()
	f.recovers()
}
