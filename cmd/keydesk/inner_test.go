package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// VER-2, SEC-3: verify has an address of its own, with the metrics; the desk's has verify too, and no metrics.
func TestVerifyAddressServesVerifyAndMetrics(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "--verify-addr=127.0.0.1:0")
	found := regexp.MustCompile(`verify and metrics are at (http://127\.0\.0\.1:\d+) too`).FindStringSubmatch(d.out.String())
	if found == nil {
		t.Fatalf("said %q", d.out.String())
	}
	secret, _ := d.signIn("alice").newKey()
	ask := func(url, key string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-API-Key", key)
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = got.Body.Close() }()
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		return got.StatusCode, string(body)
	}
	for _, row := range []struct {
		url, key string
		status   int
		says     string
	}{
		{found[1] + "/api/v1/verify", secret, 200, `"user_id":"alice"`},
		{found[1] + "/api/v1/verify/below", "kd_x", 401, "malformed"},
		{found[1] + "/login", "", 404, "not_found"},
		{found[1] + "/metrics", "", 200, `keydesk_verifies_total{result="accepted"} 1`},
		{d.url + "/api/v1/verify", secret, 200, `"user_id":"alice"`},
		{d.url + "/metrics", "", 404, "no such page"},
	} {
		if status, body := ask(row.url, row.key); status != row.status || !strings.Contains(body, row.says) {
			t.Errorf("%s: %d %s, want %d and %s", row.url, status, body, row.status, row.says)
		}
	}
	if code := d.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(found[1], "http://")); err == nil {
		t.Error("the inner address is served after the end")
		_ = conn.Close()
	}
}

// SEC-4: the second address is held to the rule of the first.
func TestVerifyAddressIsChecked(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := "--database=" + filepath.Join(t.TempDir(), "keydesk.db")
	for addr, words := range map[string]string{
		"0.0.0.0:8081":         "can be reached from other machines",
		"[::]:8081":            "can be reached from other machines",
		"8081":                 "is not an address such as 127.0.0.1:8081",
		taken.Addr().String():  "choose another with --verify-addr",
		"127.0.0.1:notaport":   "--verify-addr",
		"keys.example.com:443": "can be reached from other machines",
	} {
		refused(t, 1, words, "serve", "--addr=127.0.0.1:0", file, "--verify-addr="+addr)
	}
}

// VER-2: who floods the desk with bad keys over a connection is told of one a millisecond, at either address. That it is not
// sooner needs no clock to be exact; by how much another caller is better off is in docs/benchmarks.md.
func TestRefusalsOnAConnectionAreKeptApart(t *testing.T) {
	t.Parallel()
	const refusals = 30
	d := newDesk(t, "--verify-addr=127.0.0.1:0")
	inner := regexp.MustCompile(`at http://(\S+) too`).FindStringSubmatch(d.out.String())
	for _, addr := range []string{strings.TrimPrefix(d.url, "http://"), inner[1]} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		answers, began := bufio.NewReader(conn), time.Now()
		for range refusals {
			if _, err := io.WriteString(conn, "GET /api/v1/verify HTTP/1.1\r\nHost: "+addr+"\r\nX-API-Key: kd_x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			got, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, got.Body)
			if err := errors.Join(err, got.Body.Close()); err != nil || got.StatusCode != http.StatusUnauthorized {
				t.Fatalf("%s: %s, %v", addr, got.Status, err)
			}
		}
		if took := time.Since(began); took < (refusals-1)*time.Millisecond {
			t.Errorf("%s: %d refusals took %v", addr, refusals, took)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
