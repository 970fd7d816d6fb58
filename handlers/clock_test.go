package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// DUR-7, IO-6, SES-4: whatever the clock does, no page and no report shows a negative age, nobody is signed in by a session
// of another time, and everybody can sign in, make keys, verify and deactivate them.
func TestDeskWorksWhateverTheClockDoes(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, clock := range map[string]struct {
		steps []time.Duration // by which it jumps
		ends  bool            // the sessions
	}{
		"right":         {[]time.Duration{time.Minute, time.Minute}, false},
		"back an hour":  {[]time.Duration{-time.Hour}, true},
		"back a year":   {[]time.Duration{-year}, true},
		"ten years on":  {[]time.Duration{10 * year}, true},
		"on, and back":  {[]time.Duration{10 * year, -10 * year}, true},
		"on, and stays": {[]time.Duration{10 * year, time.Minute}, true},
		"a stop":        {[]time.Duration{0, 0, 0}, false},
		"a jitter":      {[]time.Duration{-40 * time.Second, 70 * time.Second, -55 * time.Second, 20 * time.Second}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			alice, root := d.signIn("alice"), d.signIn("root")
			secret, id := d.newKey("alice")
			d.used(id, d.db.Now())
			for _, step := range clock.steps {
				d.later(step)
				d.wantAges()
				d.newKey("bob")
			}
			for _, v := range []*visitor{alice, root} {
				if got := v.get("/profile"); (got.status == http.StatusSeeOther) != clock.ends {
					t.Errorf("a session from before: %d", got.status)
				}
			}
			d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
			alice = d.signIn("alice")
			alice.post("/profile/keys", nil).is(http.StatusOK)
			alice.post("/profile/keys/"+id+"/deactivate", url.Values{}).is(http.StatusSeeOther)
			d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusUnauthorized)
			d.wantAges()
		})
	}
}

// negative finds a number below zero, also where a spreadsheet would.
var negative = regexp.MustCompile(`(^|[\s,>])[-−]\d`)

// wantAges looks at all pages that show an age, and at the report.
func (d *desk) wantAges() {
	d.t.Helper()
	alice, root := d.signIn("alice"), d.signIn("root")
	for path, v := range map[string]*visitor{
		"/profile/keys": alice, "/profile": alice, "/admin/users": root, "/admin/users/alice": root, "/admin/history": root,
		"/admin/history?tab=api": root, "/admin/history?tab=changes": root,
	} {
		shown := text(v.get(path).is(http.StatusOK).page())
		if found := negative.FindString(shown); found != "" || strings.Contains(shown, "from now") {
			d.t.Errorf("at %s %s shows %q: %s", d.db.Now(), path, found, shown)
		}
	}
	report := root.get("/admin/users/export.csv").is(http.StatusOK).body
	if found := negative.FindString(strings.TrimPrefix(report, reportHeader)); found != "" || strings.Count(report, "\r\n") < 2 {
		d.t.Errorf("at %s the report shows %q: %s", d.db.Now(), found, report)
	}
}

// DUR-7, AZ-6: what the owner of an account is told of a link is what becomes of who opens it.
func TestLinkOfTheFutureIsToldOfAsExpired(t *testing.T) {
	const tenYears = 10 * 365 * 24 * time.Hour
	d := newDesk(t)
	d.later(tenYears)
	d.signIn("root").post("/admin/users/alice/reset", nil).is(http.StatusOK)
	d.later(-tenYears)
	told := text(d.signIn("alice").get("/profile").is(http.StatusOK).page())
	if !strings.Contains(told, "It has expired.") || strings.Contains(told, "It can still be used.") {
		t.Errorf("she is told: %s", told)
	}
}
