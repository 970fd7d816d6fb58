package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// VER-1, REV-4: the key stays with the gateway, in whichever header it came, and is in none of its logs.
func (g *gateway) keepsTheKey(t *testing.T) {
	g.keepsTheKeyFromService(t)
	if g.name != "caddy" {
		g.sni = ""
		g.keepsTheKeyFromService(t)
		g.sni = apiHost
	}
	g.service.close() // which is worth a line in any log
	g.send(t, "GET /orders", []string{"X-API-Key: " + g.secret, "X_API_Key: " + g.secret, "X-Api_Key: " + g.secret}, "")
	g.service.open()
	if logs := g.logs(); strings.Contains(logs, g.secret) || !strings.Contains(logs, "/orders") {
		t.Errorf("the gateway's logs: %s", logs[max(0, strings.Index(logs, g.secret)-500):])
	}
}

func (g *gateway) keepsTheKeyFromService(t *testing.T) {
	for i, headers := range [][]string{
		{"Authorization: Bearer " + g.secret},
		{"authorization: bearer\t" + g.secret},
		{"X-API-Key: " + g.secret},
		{"x-api-key:" + g.secret},
		{"Authorization: Bearer " + g.secret, "X-API-Key: " + g.secret},
		{"Authorization: Basic YWxpY2U6cGFzcw==", "X-API-Key: " + g.secret},
		{"X-API-Key: " + g.secret, "X-API-Key: " + g.secret},
		{"X-API-Key: " + g.secret, "X_API_Key: " + g.secret, "X_Api-Key: " + g.secret, "X-API_KEY: " + g.secret},
		{"Authorization: Bearer " + g.secret, "Connection: X-API-Key"},
	} {
		for _, path := range []string{"/orders", "/healthz"} {
			g.take()
			got := g.send(t, "GET "+path, append(headers, "X-Control: control"), "")
			served, raw := g.service.take()
			if got.status != http.StatusOK || len(served) != 1 || !strings.Contains(raw, "control") {
				t.Errorf("%d, %s: %d, served %v", i, path, got.status, served)
			}
			if strings.Contains(raw, g.secret) || strings.Contains(raw, "YWxpY2U6cGFzcw") {
				t.Errorf("%d, %s: the service is told %s", i, path, raw)
			}
		}
	}
}

// DOS-1, VER-10: a body reaches the service whole, however it is sent, and the desk is asked without it. Without a key
// neither hears of it.
func (g *gateway) passesBodies(t *testing.T) {
	const size = 1_500_000
	body := strings.Repeat("0123456789", size/10)
	chunked := strconv.FormatInt(size, 16) + "\r\n" + body + "\r\n0\r\n\r\n"
	length := "Content-Length: " + strconv.Itoa(size)
	for name, c := range map[string]struct {
		method  string
		headers []string
		sent    string
	}{
		"post":     {"POST", []string{length}, body},
		"put":      {"PUT", []string{length, "Content-Type: application/json"}, body},
		"delete":   {"DELETE", []string{length}, body},
		"chunked":  {"POST", []string{"Transfer-Encoding: chunked"}, chunked},
		"expected": {"POST", []string{length, "Expect: 100-continue"}, body},
	} {
		g.take()
		got := g.send(t, c.method+" /orders", with(g.secret, c.headers...), c.sent)
		served, _ := g.service.take()
		asked, _ := g.keydesk.take()
		if got.status != http.StatusOK || len(served) != 1 || served[0].body != body || served[0].method != c.method {
			t.Errorf("%s: %d, the service got %d requests", name, got.status, len(served))
		}
		if len(asked) != 1 || asked[0].body != "" || asked[0].length != 0 {
			t.Errorf("%s: the desk is asked %d times, or with the body", name, len(asked))
		}
	}
	got := g.send(t, "POST /orders", []string{"Content-Length: 4"}, "body")
	if served, _ := g.service.take(); got.status != http.StatusUnauthorized || len(served) > 0 {
		t.Errorf("without a key: %d, served %v", got.status, served)
	}
}

// VER-3: trailer fields after a body are no headers to the service. HAProxy 2.6 passes them on as what they are, which
// docs/gateways.md says.
func (g *gateway) doesNotTakeTrailersForHeaders(t *testing.T) {
	for _, announced := range []string{"Trailer: X-Keydesk-User, X_Keydesk_User", "X-Control: control"} {
		g.take()
		got := g.send(t, "POST /orders", with(g.secret, "Transfer-Encoding: chunked", "TE: trailers", announced),
			"4\r\nbody\r\n0\r\nX-Keydesk-User: mallory\r\nX_Keydesk_User: mallory\r\n\r\n")
		served, raw := g.service.take()
		if got.status != http.StatusOK || len(served) != 1 || served[0].body != "body" ||
			!one(served[0].header, "X-Keydesk-User", "alice") || strings.Contains(raw, "mallory") && g.name != "haproxy" {
			t.Errorf("%s: %d, the service is told %s", announced, got.status, raw)
		}
	}
}

// VER-6, KEY-8: callers at the same time are not taken for each other, and no answer is kept: a key that is deactivated
// is refused by the very next request, also on the same connection.
func (g *gateway) tellsCallersApart(t *testing.T) {
	const each = 40
	g.take()
	callers := []caller{g.caller("alice"), g.caller("bob"), g.caller("alice")}
	ask := func(want int) {
		var asking sync.WaitGroup
		for _, c := range callers {
			asking.Go(func() {
				for i := range each {
					if got, err := c.ask(); got != want || err != nil {
						t.Errorf("%s, request %d: %d, not %d: %v", c.path, i, got, want, err)
					}
				}
			})
		}
		asking.Wait()
	}
	ask(http.StatusOK)
	served, _ := g.service.take()
	if len(served) != len(callers)*each {
		t.Errorf("%d requests reached the service", len(served))
	}
	for _, s := range served {
		if user, id, _ := strings.Cut(strings.TrimPrefix(s.uri, "/"), "/"); !one(s.header, "X-Keydesk-User", user) ||
			!one(s.header, "X-Keydesk-Key", id) {
			t.Errorf("%s is told to be %s", s.uri, s.header)
		}
	}
	for _, c := range callers {
		c.deactivate()
	}
	ask(http.StatusUnauthorized)
	if served, _ := g.service.take(); len(served) > 0 {
		t.Errorf("%d requests reached the service with a deactivated key", len(served))
	}
}

// caller has a key of its own, keeps its connections, and asks for a path that says who it is.
type caller struct {
	*visitor
	secret, path string
	deactivate   func()
}

func (g *gateway) caller(user string) caller {
	person := g.desk.signIn(user)
	secret, id := person.newKey()
	return caller{g.visitor("127.0.0.1"), secret, "/" + user + "/" + id, func() {
		person.post("/profile/keys/"+id+"/deactivate", url.Values{})
	}}
}

func (c caller) ask() (status int, err error) {
	r, err := http.NewRequest(http.MethodGet, c.desk.url+c.path, http.NoBody)
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-Api-Key", c.secret)
	answer, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = readAll(answer)
	return answer.StatusCode, err
}
