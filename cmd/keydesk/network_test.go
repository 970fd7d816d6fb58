package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// ask sends a request that names another host, and returns the status.
func (d *desk) ask(path, host string) int {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.Host = host
	answer, err := d.visitor().Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := readAll(answer); err != nil {
		d.t.Fatal(err)
	}
	return answer.StatusCode
}

// WEB-10: a page of another site whose name was made to point here (DNS rebinding) does not share our origin.
func TestDeskOfThisMachineAnswersToItsOwnNamesOnly(t *testing.T) {
	d := newDesk(t)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{
		"127.0.0.1:" + port: 200, "localhost:" + port: 200, "localhost": 200, "[::1]:" + port: 200, "127.0.0.2": 200,
		"evil.test": 421, "evil.test:" + port: 421, "localhost.evil.test": 421, "127.0.0.1.evil.test": 421, "192.0.2.1": 421,
		"0.0.0.0:" + port: 421,
	} {
		if got := d.ask("/login", host); got != want {
			t.Errorf("%q: %d, not %d", host, got, want)
		}
	}
	if got := d.ask("/api/v1/verify", "gateway.internal"); got != http.StatusUnauthorized {
		t.Errorf("verify does not mind how it was found, but says %d", got)
	}
}

// fail tries to sign in with a wrong password and this X-Forwarded-For, and returns the address that is written down.
func (d *desk) fail(forwarded ...string) (address string) {
	d.t.Helper()
	d.visitor().send(http.MethodPost, "/login", url.Values{"user_id": {"alice"}, "password": {"wrong"}},
		http.Header{"X-Forwarded-For": forwarded, "X-Real-Ip": {"203.0.113.77"}, "Forwarded": {"for=203.0.113.77"}})
	db := d.behind()
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(`SELECT address FROM sign_ins ORDER BY number DESC LIMIT 1`).Scan(&address); err != nil {
		d.t.Fatal(err)
	}
	return address
}

// AUTH-7: what stands in X-Forwarded-For is believed from configured proxies only, from the right.
func TestClientAddressComesFromConfiguredProxiesOnly(t *testing.T) {
	plain := newDesk(t)
	if got := plain.fail("203.0.113.9"); got != "127.0.0.1" {
		t.Errorf("without proxies: %q", got)
	}
	behind := newDesk(t, "--trusted-proxies=127.0.0.1,10.0.0.0/8,2001:db8::/32")
	for _, row := range []struct {
		forwarded []string
		want      string
	}{
		{[]string{"203.0.113.9"}, "203.0.113.9"},
		{[]string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"}, // what the client sent stands on the left
		{[]string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		{[]string{"203.0.113.9, 10.1.2.3"}, "203.0.113.9"}, // two proxies
		{[]string{"203.0.113.9, 10.1.2.3, 192.168.0.1"}, "192.168.0.1"},
		{[]string{"2001:db9::1"}, "2001:db9::1"},
		{nil, "127.0.0.1"},
	} {
		if got := behind.fail(row.forwarded...); got != row.want {
			t.Errorf("%q is taken for %q", row.forwarded, got)
		}
	}
}

// AUTH-7: forging the header neither evades the throttle nor makes another wait.
func TestForgedAddressDoesNotEvadeTheThrottle(t *testing.T) {
	d := newDesk(t)
	form := url.Values{"user_id": {"nobody"}, "password": {"wrong"}}
	for i := range 20 {
		d.visitor().send(http.MethodPost, "/login", form, http.Header{"X-Forwarded-For": {fmt.Sprintf("203.0.113.%d", i)}})
	}
	got := d.visitor().send(http.MethodPost, "/login", form, http.Header{"X-Forwarded-For": {"203.0.113.99"}})
	if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("the 21st failure: %d", got.status)
	}
}

func TestNetworksThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{"nonsense", "10.0.0.0/33", "10.0.0", "*", "10.0.0.1-10.0.0.9"} {
		refused(t, 1, "--trusted-proxies", "serve", "--demo", "--addr=127.0.0.1:0", "--trusted-proxies="+text)
	}
}

// DOS-2: who sends a request slower than in 5 s is cut off.
func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(bufio.NewReader(conn)); err != nil {
		t.Errorf("still open: %v, %q", err, rest)
	}
}

func TestHistoryIsForgottenAsTheSettingSays(t *testing.T) {
	d := newDesk(t)
	if d.stop() != 0 {
		t.Fatal(d.log.String())
	}
	d.sql(`INSERT INTO sign_ins (at, user_id, address, user_agent, outcome) VALUES (1, 'alice', '', '', 'signed in')`)
	d = startDesk(t, d.dir, "--keep-history=1")
	for d.count(`SELECT count(*) FROM sign_ins`) > 0 && !t.Failed() {
		if d.verify("").status != http.StatusUnauthorized {
			t.Error("the desk does not answer meanwhile")
		}
	}
	if d.stop() != 0 || !strings.Contains(d.log.String(), `"old history forgotten","rows":1`) {
		t.Error(d.log.String())
	}
}

// SEC-4: plain HTTP stays on this machine. Other machines come through a proxy that speaks TLS, or it is said aloud.
func TestPlainHTTPStaysOnThisMachine(t *testing.T) {
	for _, flags := range [][]string{
		{"--addr=0.0.0.0:0"},
		{"--addr=[::]:0"},
		{"--addr=:0"},
		{"--addr=0.0.0.0:0", "--base-url=http://keys.example.com"},
		{"--addr=127.0.0.1:0", "--base-url=http://keys.example.com"},
	} {
		file := t.TempDir() + "/keydesk.db"
		refused(t, 1, "can be reached from other machines", append([]string{"serve", "--database=" + file}, flags...)...)
	}
	for _, flags := range [][]string{
		{"--addr=0.0.0.0:0", "--base-url=https://keys.example.com"}, {"--addr=0.0.0.0:0", "--insecure-http"},
	} {
		if d := startDesk(t, t.TempDir(), flags...); d.stop() != 0 {
			t.Errorf("%v: %s", flags, d.log.String())
		}
	}
}
