package handlers_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/handlers"
)

// KEY-8: a deactivated key is refused by the very next verify, each of 1,000 times, while others ask too.
func TestDeactivatedKeyIsRefused(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		alice := d.signIn("alice")
		steady, _ := d.newKey("bob")
		stop := make(chan struct{})
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if code, err := d.status(steady); code != http.StatusOK {
							t.Errorf("the other key: %d, %v", code, err)
							return
						}
					}
				}
			})
		}
		defer others.Wait()
		defer close(stop)
		for range 1000 {
			secret, id := d.newKey("alice")
			d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
			alice.post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusSeeOther)
			refusedWith(t, d.verify(http.MethodGet, "", bearer(secret)), "deactivated")
		}
	})
}

// status asks whether a key is good, from a goroutine that cannot end the test.
func (d *desk) status(secret string) (code int, err error) {
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.asks+verifyPath, http.NoBody)
	if err != nil {
		return 0, err
	}
	r.Header = bearer(secret)
	answer, err := d.web.Do(r)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, errors.Join(err, answer.Body.Close())
}

func TestKeyIsGoodFromItsRevealOn(t *testing.T) {
	atBoth(t, func(_ *testing.T, d *desk) {
		alice := d.signIn("alice")
		for range 20 {
			d.verify(http.MethodGet, "", bearer(alice.post("/profile/keys", nil).secret())).is(http.StatusOK)
		}
	})
}

// VER-7: the memory answers while the database does not.
func TestVerifyNeedsNoDatabase(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, _ := d.newKey("alice")
		d.must(d.db.Close())
		d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
		refusedWith(t, d.verify(http.MethodGet, "", bearer(access.NewSecret("kd_").Reveal())), "unknown")
	})
}

// VER-7: while it is not known whether a key was deactivated, nobody is told that it is good, nor that it is bad.
func TestKeyOfWhichNobodyKnowsIsUnavailable(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, id := d.newKey("alice")
		parsed, err := access.ParseSecret(secret)
		d.must(err)
		hash := d.db.Secrets().Pepper.Fingerprint(parsed).Hash
		d.doubt(access.KeyChange{KeyID: id, UserID: "alice", Hash: [access.HashLen]byte(hash)})
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
		other, _ := d.newKey("alice")
		d.verify(http.MethodGet, "", bearer(other)).is(http.StatusOK)
		if log := d.log.String(); !strings.Contains(log, "verify failed") || strings.Contains(log, secret) {
			t.Errorf("the log says %s", log)
		}
	})
}

// WEB-11: what a proxy or a debugger sends is no question.
func TestTraceAndConnectAskNothing(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, _ := d.newKey("alice")
		v := d.caller()
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
	})
}

// VER-2: only a refusal counts as one for the pace of a connection.
func TestGoodKeyLeavesThePaceOfRefusalsAlone(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	ctx := handlers.Paced(t.Context(), nil)
	for _, row := range []struct {
		key    string
		status int
		paced  bool
	}{
		{"kd_x", http.StatusUnauthorized, true}, {secret, http.StatusOK, false}, {"", http.StatusUnauthorized, true},
	} {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, verifyPath, http.NoBody)
		r.Header.Set("X-API-Key", row.key)
		before, w := handlers.RefusedAt(ctx), httptest.NewRecorder()
		d.app.ServeHTTP(w, r)
		if paced := handlers.RefusedAt(ctx).After(before); w.Code != row.status || paced != row.paced {
			t.Errorf("%q: %d, counted as a refusal: %t", row.key, w.Code, paced)
		}
	}
}

// VER-10: a verify is answered before its body has come, however large it says that is.
func TestVerifyReadsNoBody(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, _ := d.newKey("alice")
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.asks, "http://"))
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
	})
}

// VER-10: nor is the answer lost for a body that does come.
func TestVerifyAnswersBeforeALargeBody(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, _ := d.newKey("alice")
		body := strings.Repeat("x", 200<<10)
		for range 50 {
			v := d.caller()
			v.header = bearer(secret)
			if got := v.send(http.MethodPost, verifyPath, "text/plain", body); got.status != http.StatusOK || got.header.Get("X-Keydesk-User") != "alice" {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
	})
}

// VER-4: who asks, from where and with what does not sway the answer; the rules for pages do not apply.
func TestVerifyIsNotSwayedByOtherHeaders(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, _ := d.newKey("alice")
		ended, id := d.newKey("bob")
		d.signIn("bob").post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusSeeOther)
		for name, content := range map[string]string{
			"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test", "X-Forwarded-For": "10.0.0.1", "X-Original-Url": "/login",
			"X-Original-Method": "TRACE", "X-Http-Method-Override": "TRACE", "User-Agent": "kube-probe/1.0", "Hx-Request": "true",
			"X-Keydesk-User": "root", "Connection": "X-Keydesk-User, X-Keydesk-Key", "Expect": "100-continue",
			"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http", "X-Forwarded-Uri": "/healthz", "X-Forwarded-Method": "OPTIONS", "X-Forwarded-Prefix": "/static",
			"X-Original-Uri": "/healthz", "X-Original-Host": "localhost", "X-Real-Ip": "127.0.0.1", "Forwarded": "for=127.0.0.1",
		} {
			header := bearer(secret)
			header.Set(name, content)
			got := d.verify(http.MethodPost, "", header)
			if got.status != http.StatusOK || got.header.Get("X-Keydesk-User") != "alice" || got.header.Get("Location") != "" {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
			refusedWith(t, d.verify(http.MethodPost, "", http.Header{name: {content}}), "missing")
			header.Set("Authorization", "Bearer "+ended)
			refusedWith(t, d.verify(http.MethodPost, "", header), "deactivated")
		}
	})
}

// AZ-13 the other way round: a session is no key.
func TestVerifyTakesNoSession(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		refusedWith(t, d.signIn("alice").get(verifyPath), "missing")
	})
}

// VER-8: who a key belongs to is told by ids that fit a header, whatever the people and keys are named.
func TestVerifyTellsIDsAndNoNames(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, id := d.newKey("alice")
		const named = "Zoë\r\nX-Keydesk-User: root\r\n\r\n"
		d.exec(`UPDATE users SET name = ?, email = ?`, named, nil)
		d.exec(`UPDATE keys SET name = ?`, named)
		got := d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
		got.headers(t, map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"X-Keydesk-User": "alice", "X-Keydesk-Key": id,
		})
		if strings.Contains(got.body, "Zo") {
			t.Errorf("the body says %s", got.body)
		}
	})
}
