package handlers_test

import (
	"net/http"
	"testing"

	"github.com/keydesk/keydesk/static"
)

func TestReadySaysWhetherTheDeskCanWork(t *testing.T) {
	for name, end := range map[string]func(*desk) error{
		"without a database":  func(d *desk) error { return d.db.Close() },
		"database of nothing": func(d *desk) error { d.exec(`DROP TABLE audit_head`); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			v := d.visitor()
			if got := v.get("/readyz").is(http.StatusOK); got.body != "ready\n" {
				t.Errorf("says %q", got.body)
			}
			d.must(end(d))
			got := v.get("/readyz").is(http.StatusServiceUnavailable)
			one(t, got.page(), tag("p"), saying("The database does not answer."))
			if got := v.get("/healthz").is(http.StatusOK); got.body != "ok\n" { // it lives
				t.Errorf("says %q", got.body)
			}
		})
	}
}

// WEB-7: no cache keeps what only looks like an asset.
func TestUnknownAssetIsNotFoundAndNotKept(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{
		"/static/app.0000000000000000.css", "/static/static.go", "/static/..%2fstatic.go", static.URL("app.css") + "x", "/static/%00",
	} {
		if got := d.visitor().get(path).is(http.StatusNotFound).header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control: %s", path, got)
		}
	}
}
