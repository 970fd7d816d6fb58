package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// insider returns a visitor of the inner address.
func (d *desk) insider() *visitor {
	v := d.visitor()
	v.at = d.inner
	return v
}

// metrics returns the lines of the metrics.
func (d *desk) metrics() []string {
	d.t.Helper()
	got := d.insider().get("/metrics").is(http.StatusOK)
	if !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		d.t.Fatalf("metrics: %s", got.header.Get("Content-Type"))
	}
	return strings.Split(got.body, "\n")
}

// has fails the test unless the line is among the metrics.
func (d *desk) has(line string) {
	d.t.Helper()
	if lines := d.metrics(); !slices.Contains(lines, line) {
		d.t.Errorf("the metrics have no %s: %s", line, strings.Join(lines, "\n"))
	}
}

func TestMetricsCountVerifiesAndPages(t *testing.T) {
	d := newDesk(t)
	good, _ := d.newKey("alice")
	ended, id := d.newKey("bob")
	d.signIn("bob").post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusSeeOther)
	for range 3 {
		d.verify(http.MethodGet, "", bearer(good)).is(http.StatusOK)
	}
	d.insider().with("Authorization", "Bearer "+good).post(verifyPath+"/below", nil).is(http.StatusOK)
	for _, header := range []http.Header{
		nil, bearer("letmein"), bearer(access.NewSecret("kd_").Reveal()), bearer(ended),
		{"Authorization": {"Bearer " + good}, "X-Api-Key": {ended}},
	} {
		d.verify(http.MethodGet, "", header).is(http.StatusUnauthorized)
	}
	d.visitor().get("/nowhere/" + good).is(http.StatusNotFound)
	for _, line := range []string{
		`keydesk_verifies_total{result="accepted"} 4`, `keydesk_verifies_total{result="missing"} 1`,
		`keydesk_verifies_total{result="malformed"} 1`, `keydesk_verifies_total{result="unknown"} 1`,
		`keydesk_verifies_total{result="deactivated"} 1`, `keydesk_verifies_total{result="conflict"} 1`,
		`keydesk_verifies_total{result="unavailable"} 0`, `keydesk_verify_duration_seconds_count 9`,
		`keydesk_keys 2`, `keydesk_uses_pending 5`, `keydesk_uses_flush_failures_total 0`,
		`keydesk_http_requests_total{route="/profile/keys/:id/deactivate",status="303"} 1`,
	} {
		d.has(line)
	}
	if all := strings.Join(d.metrics(), "\n"); strings.Contains(all, good) || strings.Contains(all, "alice") || strings.Contains(all, id) ||
		!strings.Contains(all, "keydesk_build_info{") || !strings.Contains(all, "go_goroutines") {
		t.Errorf("the metrics are %s", all)
	}
}

func TestUnsettledKeyIsCountedAsUnavailable(t *testing.T) {
	d := newDesk(t)
	secret, id := d.newKey("alice")
	parsed, err := access.ParseSecret(secret)
	d.must(err)
	hash := d.db.Secrets().Pepper.Fingerprint(parsed).Hash
	d.doubt(access.KeyChange{KeyID: id, UserID: "alice", Hash: [access.HashLen]byte(hash)})
	d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusServiceUnavailable)
	d.has(`keydesk_verifies_total{result="unavailable"} 1`)
	d.has(`keydesk_verify_duration_seconds_count 1`)
}

// SEC-3: metrics and version are for the inner address, which has nothing else but verify.
func TestMetricsAreOnTheInnerAddressOnly(t *testing.T) {
	d := newDesk(t)
	d.visitor().get("/metrics").is(http.StatusNotFound)
	for _, path := range []string{"/", "/login", "/profile/keys", "/metrics/", "/admin/users/export.csv", "/readyz"} {
		if got := d.insider().get(path); got.status != http.StatusNotFound || !strings.Contains(got.body, `"code":"not_found"`) {
			t.Errorf("%s is answered %d %s", path, got.status, got.body)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodTrace} {
		if got := d.insider().raw(method, "/metrics"); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s of the metrics is answered %d", method, got.status)
		}
	}
}
