package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// What people run in front of their services asks Keydesk about each request, and lets through what it answers 200.
func TestGateway(t *testing.T) {
	for name := range gateways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, name)
			t.Run("asks about each request", g.asks)
			t.Run("answers as the docs say", g.answers)
			t.Run("strips what the client says of itself", g.strips)
			t.Run("keeps the key to itself", g.keepsTheKey)
			t.Run("cannot be got around by a path", g.holdsEveryPath)
			t.Run("passes bodies on", g.passesBodies)
			t.Run("does not take trailers for headers", g.doesNotTakeTrailersForHeaders)
			t.Run("tells callers apart", g.tellsCallersApart)
		})
	}
}

// VER-3, VER-10: the question has the key, the service's name and the client's address, and no body. With a yes the
// service learns who asks.
func (g *gateway) asks(t *testing.T) {
	g.take()
	got := g.send(t, "POST /orders/1?a=b", with(g.secret, "Content-Length: 4", "X-Forwarded-For: 203.0.113.9"), "body")
	asked, _ := g.keydesk.take()
	served, _ := g.service.take()
	if got.status != http.StatusOK || len(asked) != 1 || len(served) != 1 {
		t.Fatalf("%d %s: asked %v, served %v", got.status, got.body, asked, served)
	}
	q, s := asked[0], served[0]
	if q.uri != "/api/v1/verify" || q.body != "" || q.length != 0 || !one(q.header, "X-Keydesk-Service", "api") ||
		!one(q.header, "Authorization", "Bearer "+g.secret) || !one(q.header, "X-Forwarded-For", "127.0.0.1") {
		t.Errorf("the question: %+v", q)
	}
	if s.method != http.MethodPost || s.uri != "/orders/1?a=b" || s.body != "body" || s.host != apiHost ||
		!one(s.header, "X-Keydesk-User", "alice") || !one(s.header, "X-Keydesk-Key", g.keyID) ||
		!one(s.header, "X-Forwarded-For", "127.0.0.1") {
		t.Errorf("what reached the service: %+v", s)
	}
	if open := g.send(t, "GET /healthz?a=b", nil, ""); open.status != http.StatusOK {
		t.Errorf("what needs no key: %d", open.status)
	}
	asked, _ = g.keydesk.take()
	served, _ = g.service.take()
	if len(asked) > 0 || len(served) != 1 || served[0].uri != "/healthz?a=b" {
		t.Errorf("what needs no key: asked %v, served %v", asked, served)
	}
}

// take forgets what both witnesses have seen.
func (g *gateway) take() {
	g.keydesk.take()
	g.service.take()
}

// one reports whether the header stands there once, with this value.
func one(h http.Header, name, value string) bool {
	return slices.Equal(h.Values(name), []string{value})
}

// gatewayCase is a row of the table in docs/gateways.md.
type gatewayCase struct {
	headers   []string
	challenge string // of a 401
	served    bool   // whether the service is reached
	without   *witness
	query     string
}

func (g *gateway) cases() map[string]gatewayCase {
	const invalid = `Bearer error="invalid_token"`
	ended, id := g.desk.signIn("bob").newKey()
	g.desk.signIn("bob").post("/profile/keys/"+id+"/deactivate", url.Values{})
	inAddress, _ := g.desk.signIn("alice").newKey()
	last := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(g.secret, "0")]
	return map[string]gatewayCase{
		"no key":                         {nil, "Bearer", false, nil, ""},
		"another scheme":                 {[]string{"Authorization: Basic YWxpY2U6cGFzcw=="}, "Bearer", false, nil, ""},
		"a good key in the address":      {nil, "Bearer", false, nil, "?key=" + inAddress + "&access_token=" + inAddress},
		"no well-formed key":             {with(g.secret[:len(g.secret)-1] + last), invalid, false, nil, ""},
		"a key that was never made":      {with(access.NewSecret(access.DefaultPrefix).Reveal()), invalid, false, nil, ""},
		"a deactivated key":              {with(ended), invalid, false, nil, ""},
		"two different keys":             {with(g.secret, "X-API-Key: "+ended), invalid, false, nil, ""},
		"a good key":                     {with(g.secret), "", true, nil, ""},
		"a good key in X-API-Key":        {[]string{"X-API-Key: " + g.secret}, "", true, nil, ""},
		"the service answers 500":        {with(g.secret, "X-Answer: 500"), "", true, nil, ""},
		"the service answers 401":        {with(g.secret, "X-Answer: 401"), "", true, nil, ""},
		"the service does not run":       {with(g.secret), "", false, g.service, ""},
		"Keydesk answers 503":            {with("desk-503"), "", false, nil, ""},
		"Keydesk does not run":           {with(g.secret), "", false, g.keydesk, ""},
		"Keydesk never answers":          {with("desk-hangs"), "", false, nil, ""},
		"Keydesk stops within an answer": {with("desk-stops"), "", false, nil, ""},
		"Keydesk hangs up":               {with("desk-vanishes"), "", false, nil, ""},
		"something else answers 200":     {with("desk-200"), "", false, nil, ""},
		"something else answers 204":     {with("desk-204"), "", false, nil, ""},
		"something else answers 302":     {with("desk-302"), "", false, nil, ""},
		"something else answers 403":     {with("desk-403"), "", false, nil, ""},
		"something else answers 404":     {with("desk-404"), "", false, nil, ""},
		"something else answers 500":     {with("desk-500"), "", false, nil, ""},
	}
}

// VER-1, VER-3, VER-7, DOS-2: every cell of the table in docs/gateways.md. Only a good key reaches the service, and a
// desk that hangs makes nobody wait for long.
func (g *gateway) answers(t *testing.T) {
	cases, rows := g.cases(), documented(t, g.name)
	if len(rows) != len(cases) {
		t.Errorf("docs/gateways.md has %d rows of %d", len(rows), len(cases))
	}
	var asking sync.WaitGroup
	for name, want := range rows {
		c, ok := cases[name]
		switch {
		case !ok:
			t.Errorf("docs/gateways.md: nothing is known of %q", name)
		case c.without == nil: // at once with the others, for some take their time
			asking.Go(func() { g.answer(t, name, c, want) })
		}
	}
	asking.Wait()
	for name, c := range cases {
		if c.without != nil {
			c.without.close()
			g.answer(t, name, c, rows[name])
			c.without.open()
			if got := g.send(t, "GET /again", with(g.secret), ""); got.status != http.StatusOK {
				t.Errorf("%s, and then it does: %d", name, got.status)
			}
		}
	}
}

func (g *gateway) answer(t *testing.T, name string, c gatewayCase, want int) {
	path := "/" + url.PathEscape(name) + c.query
	began := time.Now()
	got := g.send(t, "GET "+path, c.headers, "")
	if took := time.Since(began); got.status != want || took > 9*time.Second {
		t.Errorf("%s: %d after %s, not %d: %s", name, got.status, took, want, got.body)
	}
	if challenge := got.header.Get("WWW-Authenticate"); challenge != c.challenge {
		t.Errorf("%s: the challenge is %q, not %q", name, challenge, c.challenge)
	}
	if c.served != (got.body == "served") || c.served != g.service.has(path) {
		t.Errorf("%s: the service answers %q, was reached: %v", name, got.body, g.service.has(path))
	}
}

// has reports whether a request for the address has been seen.
func (w *witness) has(uri string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.seen, func(s seen) bool { return s.uri == uri })
}

// documented returns the statuses that docs/gateways.md gives for a gateway.
func documented(t *testing.T, gateway string) map[string]int {
	t.Helper()
	rows, column := map[string]int{}, 0
	for line := range strings.Lines(paper(t, "docs/gateways.md")) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		name := strings.TrimPrefix(cells[0], "| ")
		if name == "case" {
			column = slices.IndexFunc(cells, func(cell string) bool {
				return strings.EqualFold(strings.TrimSuffix(cell, " |"), gateway)
			})
		} else if column > 0 && len(cells) > column {
			if status, err := strconv.Atoi(strings.TrimSuffix(cells[column], " |")); err == nil {
				rows[name] = status
			}
		}
	}
	return rows
}

// What the tests do not run says so, in its first line and in the docs; all else is run above. Every file says which
// setting Keydesk needs.
func TestGatewayConfigurationsSayWhetherTheyAreRun(t *testing.T) {
	run := []string{"nginx.conf", "Caddyfile", "haproxy.cfg", "keydesk.lua"}
	files, err := os.ReadDir(filepath.Join("..", "..", "deploy", "gateways"))
	if err != nil || len(files) < len(run) {
		t.Fatalf("%d files: %v", len(files), err)
	}
	docs := paper(t, "docs/gateways.md")
	for _, file := range files {
		text := paper(t, filepath.Join("deploy", "gateways", file.Name()))
		isRun := slices.Contains(run, file.Name())
		row := regexp.MustCompile(`(?m)^\|.*gateways/` + regexp.QuoteMeta(file.Name()) + `.*$`).FindString(docs)
		if strings.HasPrefix(text, "# NOT RUN HERE.") == isRun || row == "" || strings.Contains(row, "**not run here**") == isRun {
			t.Errorf("%s: run %v, in the docs %q", file.Name(), isRun, row)
		}
		asks := strings.Contains(text, "/api/v1/verify") && file.Name() != "keydesk.lua"
		if asks && !strings.Contains(text, "KEYDESK_TRUSTED_PROXIES=127.0.0.1") {
			t.Errorf("%s does not say that Keydesk has to know the gateway", file.Name())
		}
	}
}
