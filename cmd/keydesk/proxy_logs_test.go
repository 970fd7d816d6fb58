package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// carried is a request that has something secret in its address or in a header.
type carried struct {
	method, path, header, value string
}

// secretRequests are what the page of a link leads to, and what a gateway sends. LEAKED stands for what is secret.
func (f *front) secretRequests() []carried {
	const get, post = http.MethodGet, http.MethodPost
	page := f.base + "/set-password?token=LEAKED"
	all := []carried{
		{get, "/setup?token=LEAKED", "", ""},
		{get, "/setup/?token=LEAKED", "", ""},
		{get, "/set-password?token=LEAKED", "", ""},
		{get, "/set-password/?token=LEAKED&token=LEAKED", "", ""},
		{get, "/api/v1/verify", "X-Api-Key", "LEAKED"},
		{get, "/api/v1/verify", "X_Api_Key", "LEAKED"},
		{get, "/api/v1/verify", "X_api_key", "LEAKED"},
		{get, "/api/v1/verify", "Authorization", "Bearer LEAKED"},
		{get, "/profile/keys", "Cookie", "__Host-keydesk=LEAKED"},
		{get, "/profile/keys", "HX-Current-URL", page},
		{get, "/profile/keys", "Hx-Current-Url", page},
	}
	for _, path := range []string{"/", "/login", "/static/app.css", "/static/", "/static", "/set-password", "/setup", "/theme"} {
		all = append(all, carried{get, path, "Referer", page})
	}
	for _, path := range []string{"/login", "/theme", "/setup", "/set-password", "/logout"} {
		all = append(all, carried{post, path, "Referer", page})
	}
	return all
}

// send sends the request with its own word in the place of LEAKED, and returns the status.
func (c carried) send(v *visitor, word string) int {
	header := http.Header{}
	if c.header != "" {
		header[c.header] = []string{strings.ReplaceAll(c.value, "LEAKED", word)}
	}
	var form url.Values
	if c.method == http.MethodPost {
		form = url.Values{"token": {word}, "password": {word}, "theme": {"dark"}}
	}
	return v.send(c.method, strings.ReplaceAll(c.path, "LEAKED", word), form, header).status
}

// REV-4, SEC-5: neither proxy writes down a key, a session, a password or the token of a link, also when it reports that
// the desk does not answer.
func TestProxyWritesDownNothingSecret(t *testing.T) {
	behindEach(t, exampleHost, func(t *testing.T, f *front, d *desk) {
		v, requests := f.visitor("127.0.0.1"), f.secretRequests()
		word := func(i int) string { return fmt.Sprintf("secret-%d-", i) }
		for i, r := range requests {
			if got := r.send(v, word(i)); got >= http.StatusInternalServerError {
				t.Errorf("%v: %d", r, got)
			}
		}
		if got := v.send(http.MethodPost, "/login", signInForm("alice", password), http.Header{
			"Referer": {f.base + "/set-password?token=a"},
		}); got.status != http.StatusSeeOther {
			t.Errorf("sign-in from the page of a link: %d", got.status)
		}
		if code := d.stop(); code != 0 {
			t.Fatal(code)
		}
		for i, r := range requests {
			if got := r.send(v, word(i)); got != http.StatusBadGateway {
				t.Errorf("%v without a desk: %d", r, got)
			}
		}
		control := v.send(http.MethodGet, "/help/api-keys", nil, http.Header{"User-Agent": {"control"}})
		if logs := f.logs(); control.status != http.StatusBadGateway || !strings.Contains(logs, "/api/v1/verify") ||
			!strings.Contains(logs, "/help/api-keys") {
			t.Errorf("that the desk does not answer is not written down (%d): %s", control.status, logs)
		}
		leaked := regexp.MustCompile(`secret-\d+-`).FindAllString(f.logs(), -1)
		for i, r := range requests {
			if slices.Contains(leaked, word(i)) {
				t.Errorf("%v: written down", r)
			}
		}
	})
}
