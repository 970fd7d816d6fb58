package main

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// metric returns the value of a metric at the inner address, or nothing.
func (d *desk) metric(name string) string {
	d.t.Helper()
	inner := regexp.MustCompile(`at (http://\S+) too`).FindStringSubmatch(d.out.String())
	if inner == nil {
		d.t.Fatalf("said %q", d.out.String())
	}
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, inner[1]+"/metrics", http.NoBody)
	if err != nil {
		d.t.Fatal(err)
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// DUR-3, VER-9: while uses cannot be written, verify goes on; it is told once, counted, and caught up with.
func TestUsesThatCannotBeWrittenAreCaughtUpWith(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "--verify-addr=127.0.0.1:0")
	secret, id := d.signIn("alice").newKey()
	d.sql(`CREATE TRIGGER broken BEFORE INSERT ON new_uses BEGIN SELECT RAISE(ABORT, 'broken'); END`)
	const verifies = 5
	for range verifies {
		if got := d.verify(secret); got.status != http.StatusOK {
			t.Fatalf("verify: %d %s", got.status, got.body)
		}
	}
	eventually(t, func() bool {
		n := d.metric("keydesk_uses_flush_failures_total")
		return n != "0" && n != "1"
	})
	if n := strings.Count(d.log.String(), "cannot write uses of keys down"); n != 1 {
		t.Errorf("told %d times: %s", n, d.log.String())
	}
	if d.metric("keydesk_uses_pending") != "1" {
		t.Errorf("%s are pending", d.metric("keydesk_uses_pending"))
	}
	if got := d.verify(secret); got.status != http.StatusOK {
		t.Errorf("verify: %d %s", got.status, got.body)
	}
	d.sql(`DROP TRIGGER broken`)
	eventually(t, func() bool {
		return strings.Contains(d.log.String(), "can again write uses of keys down")
	})
	eventually(t, func() bool { return d.accepted(id) == verifies+1 })
}

// accepted returns how often the key was accepted, as far as that is added up.
func (d *desk) accepted(keyID string) (n int) {
	d.t.Helper()
	conn, err := sql.Open("sqlite", filepath.Join(d.dir, "keydesk.db"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	err = conn.QueryRow(`SELECT coalesce(sum(accepted), 0) FROM key_days JOIN keys ON number = key WHERE id = ?`, keyID).Scan(&n)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}
