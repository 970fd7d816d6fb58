package handlers_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// KEY-8: a deactivated key is refused by the very next verify, each of 1,000 times.
func TestDeactivatedKeyIsRefused(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	for range 1000 {
		secret, id := d.newKey("alice")
		d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
		alice.post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusSeeOther)
		refusedWith(t, d.verify(http.MethodGet, "", bearer(secret)), "deactivated")
	}
}

func TestKeyIsGoodFromItsRevealOn(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	for range 20 {
		d.verify(http.MethodGet, "", bearer(alice.post("/profile/keys", nil).secret())).is(http.StatusOK)
	}
}

// VER-7: when the store does not answer, nobody is told that a key is good, nor that it is bad.
func TestVerifyWithoutTheStoreIsUnavailable(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	d.must(d.db.Close())
	for range 3 {
		got := d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusServiceUnavailable)
		got.headers(t, map[string]string{
			"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Retry-After": "1",
		})
		var body struct {
			Title, Code string
			Status      int
		}
		d.must(json.Unmarshal([]byte(got.body), &body))
		if body.Status != http.StatusServiceUnavailable || body.Code != "unavailable" || body.Title != "Service Unavailable" {
			t.Errorf("the body says %+v", body)
		}
	}
	if uses := d.uses.Take(); len(uses) > 0 {
		t.Errorf("counted as uses: %v", uses)
	}
	refusedWith(t, d.verify(http.MethodGet, "", nil), "missing") // the store has no say in these
	refusedWith(t, d.verify(http.MethodGet, "", bearer("letmein")), "malformed")
	if log := d.log.String(); !strings.Contains(log, "verify failed") || strings.Contains(log, secret) {
		t.Errorf("the log says %s", log)
	}
}

// WEB-11: what a proxy or a debugger sends is no question.
func TestTraceAndConnectAskNothing(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	v := d.visitor()
	v.header = bearer(secret)
	for _, method := range []string{http.MethodTrace, http.MethodConnect} {
		for _, below := range []string{"", "/below"} {
			got := v.raw(method, verifyPath+below)
			if got.status != http.StatusMethodNotAllowed || strings.Contains(got.body, secret) || got.header.Get("X-Keydesk-User") != "" ||
				!strings.Contains(got.header.Get("Allow"), "GET") || strings.Contains(got.header.Get("Allow"), method) {
				t.Errorf("%s: %d %s", method, got.status, got.body)
			}
		}
	}
}

// VER-10: a verify is answered before its body has come, however large it says that is.
func TestVerifyReadsNoBody(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	d.must(err)
	defer func() { _ = conn.Close() }()
	d.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	_, err = io.WriteString(conn, "POST "+verifyPath+" HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer "+secret+
		"\r\nContent-Length: 10000000\r\n\r\n")
	d.must(err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	d.must(err)
	defer func() { _ = answer.Body.Close() }()
	read(t, answer).is(http.StatusOK)
}

// VER-4: who asks, from where and with what does not sway the answer; the rules for pages do not apply.
func TestVerifyIsNotSwayedByOtherHeaders(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	for name, content := range map[string]string{
		"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test", "X-Forwarded-For": "10.0.0.1", "X-Original-Url": "/login",
		"X-Original-Method": "TRACE", "X-Http-Method-Override": "TRACE", "User-Agent": "kube-probe/1.0", "Hx-Request": "true",
		"X-Keydesk-User": "root", "Connection": "X-Keydesk-User, X-Keydesk-Key", "Expect": "100-continue",
	} {
		header := bearer(secret)
		header.Set(name, content)
		got := d.verify(http.MethodPost, "", header)
		if got.status != http.StatusOK || got.header.Get("X-Keydesk-User") != "alice" || got.header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		refusedWith(t, d.verify(http.MethodPost, "", http.Header{name: {content}}), "missing")
	}
}

// AZ-13 the other way round: a session is no key.
func TestVerifyTakesNoSession(t *testing.T) {
	d := newDesk(t)
	refusedWith(t, d.signIn("alice").get(verifyPath), "missing")
}
