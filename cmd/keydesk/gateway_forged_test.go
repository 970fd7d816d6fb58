package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forgeries are headers by which a client could pass for mallory, each of which must not arrive. A gateway may refuse
// the malformed ones.
func forgeries() map[string][]string {
	all := map[string][]string{
		"twice":                        {"X-Keydesk-User: mallory", "X-Keydesk-User: mallory"},
		"both spellings":               {"X_Keydesk_User: mallory", "X-Keydesk-User: mallory", "X_Keydesk_Key: mallory"},
		"empty first":                  {"X-Keydesk-User:", "X-Keydesk-User: mallory"},
		"list":                         {"X-Keydesk-User: alice, mallory"},
		"without a space":              {"X-Keydesk-User:mallory"},
		"malformed: space":             {"X-Keydesk-User : mallory"},
		"malformed: tab":               {"X-Keydesk-User\t: mallory"},
		"malformed: folded":            {"X-Keydesk-User:\r\n mallory"},
		"malformed: folds the one":     {"X-Other: a\r\n X-Keydesk-User: mallory"},
		"malformed: leading space":     {" X-Keydesk-User: mallory"},
		"malformed: bare LF":           {"X-Other: a\nX-Keydesk-User: mallory"},
		"malformed: bare CR":           {"X-Other: a\rX-Keydesk-User: mallory"},
		"malformed: NUL":               {"X-Keydesk\x00-User: mallory", "X-Keydesk-User\x00: mallory"},
		"malformed: long s":            {"X-Keyde\u017fk-User: mallory"},
		"malformed: brackets":          {"X[Keydesk]User: mallory"},
		"meant for one hop":            {"Connection: X-Keydesk-User, X-Keydesk-Key", "X-Keydesk-User: mallory"},
		"hop, small letters":           {"Connection: close, x-keydesk-user", "X_Keydesk_User: mallory"},
		"hop, twice":                   {"Connection: keep-alive", "Connection: X-Keydesk-Key, X-Keydesk-User"},
		"hop, with an upgrade":         {"Connection: Upgrade, X-Keydesk-User", "Upgrade: example"},
		"hop, old":                     {"Proxy-Connection: X-Keydesk-User", "Keep-Alive: X-Keydesk-User"},
		"malformed: the gateway's own": {"X-Keydesk-Service: mallory", "X_Keydesk_Service: mallory", "X Keydesk Service: mallory"},
	}
	for _, name := range []string{
		"X-Keydesk-User", "x-keydesk-user", "X-KEYDESK-USER", "x-KeyDesk-uSER", "X_Keydesk_User", "x_keydesk_user",
		"X_KEYDESK_USER", "X_Keydesk-User", "X-Keydesk_User", "X%2DKeydesk%2DUser",
		"X-Keydesk-Key", "X_Keydesk_Key", "X_Keydesk-Key", "X-Keydesk_Key", "x_keydesk_key", "X-Keydesk-Service",
		"X_Keydesk_Service", "X-Keydesk_Service", "X_keydesk-service",
	} {
		all[name] = []string{name + ": mallory"}
	}
	// What else a name may hold (RFC 9110, 5.6.2), and many services take for an underscore.
	for _, c := range "!#$%&'*+.^_`|~" {
		name := strings.ReplaceAll("X-Keydesk-User", "-", string(c))
		all[name] = []string{name + ": mallory", strings.ToLower(name) + ": mallory"}
	}
	return all
}

// VER-3, VER-5: whatever a client says of itself, in any spelling, does not reach the service, nor the desk as the
// service's name; and nothing that it says of hops drops what the desk says. What needs no key has no name at all.
func (g *gateway) strips(t *testing.T) {
	for name, headers := range forgeries() {
		g.stripsThese(t, name, headers)
	}
	g.stripsFromHTTP2(t)
	if g.name == "caddy" {
		return // has no certificate for a client that does not say whom it wants to reach
	}
	g.sni = "" // so that nginx reads the headers as its first server says, before it knows whom they are for
	for name, headers := range forgeries() {
		g.stripsThese(t, "no SNI, "+name, headers)
	}
	g.sni = apiHost
}

var (
	identity = regexp.MustCompile(`(?im)^x.keydesk[^:]*: *[^\s]`)
	oneHop   = regexp.MustCompile(`(?im)^connection:.*keydesk`)
	folded   = regexp.MustCompile(`(?im)^x-other:.*$`) // into which some make of a line what was folded
)

func (g *gateway) stripsThese(t *testing.T, name string, headers []string) {
	for _, request := range []string{"GET /orders", "GET /healthz"} {
		g.take()
		got := g.send(t, request, slices.Concat(headers, with(g.secret), []string{"X-Control: control"}), "")
		served, raw := g.service.take()
		asked, _ := g.keydesk.take()
		if len(served) == 0 && got.status == http.StatusBadRequest && strings.Contains(name, "malformed") {
			continue
		}
		if got.status != http.StatusOK || len(served) != 1 || !strings.Contains(raw, "control") {
			t.Errorf("%s, %s: %d, served %v", name, request, got.status, served)
			continue
		}
		raw = folded.ReplaceAllString(raw, "")
		if strings.Contains(raw, "mallory") || oneHop.MatchString(raw) || request == "GET /healthz" && identity.MatchString(raw) {
			t.Errorf("%s, %s: the service is told %s", name, request, raw)
		}
		if request == "GET /healthz" {
			continue
		}
		if h := served[0].header; !one(h, "X-Keydesk-User", "alice") || !one(h, "X-Keydesk-Key", g.keyID) ||
			len(identity.FindAllString(raw, -1)) != 2 {
			t.Errorf("%s: the service is told %s", name, raw)
		}
		if len(asked) != 1 || !one(asked[0].header, "X-Keydesk-Service", "api") {
			t.Errorf("%s: the desk is told %v", name, asked)
		}
	}
	if got := g.send(t, "GET /orders", headers, ""); got.status != http.StatusUnauthorized && got.status != http.StatusBadRequest {
		t.Errorf("%s, without a key: %d", name, got.status)
	}
}

// stripsFromHTTP2 is the same for a client that speaks HTTP/2, where the gateway does.
func (g *gateway) stripsFromHTTP2(t *testing.T) {
	g.take()
	v := g.visitor("127.0.0.1")
	if transport, ok := v.Transport.(*http.Transport); ok {
		transport.ForceAttemptHTTP2 = true
	}
	r, err := http.NewRequest(http.MethodPost, g.base+"/orders", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"X-Keydesk-User": {"mallory", "mallory"}, "X_keydesk_user": {"mallory"}, "x_Keydesk-Key": {"mallory"},
		"X-Keydesk_user": {"mallory"}, "X-Keydesk-Service": {"mallory"}, "X-Api-Key": {g.secret},
	}
	answer, err := v.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := readAll(answer)
	served, raw := g.service.take()
	asked, _ := g.keydesk.take()
	if err != nil || text != "served" || len(served) != 1 || len(asked) != 1 {
		t.Fatalf("%s: %d %s %v", answer.Proto, answer.StatusCode, text, err)
	}
	if h := served[0].header; strings.Contains(raw, "mallory") || strings.Contains(raw, g.secret) ||
		!one(h, "X-Keydesk-User", "alice") || !one(h, "X-Keydesk-Key", g.keyID) || served[0].body != "body" ||
		!one(asked[0].header, "X-Keydesk-Service", "api") || asked[0].body != "" {
		t.Errorf("%s: the desk is told %v, the service %s", answer.Proto, asked, raw)
	}
	if wants := map[string]int{"nginx": 1, "caddy": 2, "haproxy": 2}[g.name]; answer.ProtoMajor != wants {
		t.Errorf("%s is spoken, not HTTP/%d", answer.Proto, wants)
	}
}
