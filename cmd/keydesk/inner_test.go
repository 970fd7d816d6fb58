package main

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
