package main

import (
	"net/http"
	"strings"
	"testing"
)

// AZ-13, AZ-14: no spelling of a path reaches the service without a key, but for the one path that needs none; and that
// one reaches it as the configuration spells it. With a key the service sees the path that the client wrote, and no path
// leads to the desk.
func (g *gateway) holdsEveryPath(t *testing.T) {
	for _, request := range []string{
		"GET /", "GET //", "GET /orders", "GET /orders/", "GET //orders", "GET /./orders", "GET /orders/.", "GET /%6frders",
		"GET /orders%2f1", "GET /orders%2F..%2Fhealthz", "GET /orders/../healthz", "GET /orders/%2e%2e/healthz", "GET /orders;x",
		"GET /orders/..;/healthz", "GET /orders%00", "GET /orders%00/healthz", "GET /orders?/healthz", "GET /ORDERS",
		"GET /healthz", "GET /healthz/", "GET //healthz", "GET /./healthz", "GET /healthz/.", "GET /healthz/..", "GET /HEALTHZ",
		"GET /%68ealthz", "GET /%68EALTHZ", "GET /healthz/orders", "GET /healthz/../orders", "GET /healthz/..%2forders",
		"GET /healthz%2f..%2forders", "GET /healthz%2f%2e%2e%2forders", "GET /healthz%252f..%252forders",
		"GET /healthz;x", "GET /healthz;/../orders", "GET /healthz%3b/../orders", "GET /healthz%00", "GET /healthz%00/orders",
		"GET /healthz%00/../orders", "GET /healthz%20", "GET /healthz%0a", "GET /healthz?/../orders", "GET /healthz%3f/../orders",
		"GET /healthz#/../orders", "GET /orders#/../healthz", `GET /healthz\..\orders`, "GET /healthz%5c..%5corders",
		"GET /healthz/\xc0\xae\xc0\xae/orders", "GET healthz", "GET orders", "GET *", "OPTIONS *", "OPTIONS /orders",
		"HEAD /orders", "TRACE /orders", "PURGE /orders", "QUERY /orders", "get /orders", "CONNECT " + apiHost + ":443",
		"GET http://" + apiHost + "/orders", "GET http://" + apiHost + "/healthz/../orders", "GET https://" + apiHost + "//orders",
		"GET /_keydesk_verify", "GET /_keydesk_verify/", "GET /api/v1/verify", "GET /api/v1/verify/orders", "GET @keydesk_cannot_tell",
	} {
		for _, headers := range [][]string{
			nil,
			{"X-Original-URL: /healthz", "X-Rewrite-URL: /healthz", "X-Forwarded-Uri: /healthz", "X-Forwarded-Prefix: /healthz"},
			{"X-HTTP-Method-Override: OPTIONS", "X-Forwarded-Method: OPTIONS", "X-Original-URI: /healthz"},
		} {
			g.service.take()
			got := g.send(t, request, headers, "")
			served, _ := g.service.take()
			for _, s := range served {
				if path, _, _ := strings.Cut(s.uri, "?"); path != "/healthz" {
					t.Errorf("%s %q: the service is asked for %s", request, headers, s.uri)
				}
			}
			// What is asked about the gateway itself, it may answer.
			if (got.status < 300) != (len(served) == 1) && request != "OPTIONS *" {
				t.Errorf("%s %q: %d, served %v", request, headers, got.status, served)
			}
		}
	}
	for _, path := range []string{"/orders//1", "/orders/a%2fb", "/orders/%2e", "/orders/1;x", "/orders/", "/orders/%C3%A4", "/healthz/x"} {
		g.service.take()
		got := g.send(t, "GET "+path, with(g.secret), "")
		if !g.service.has(path) || got.status != http.StatusOK {
			served, _ := g.service.take()
			t.Errorf("%s with a key: %d, served %v", path, got.status, served)
		}
	}
	for _, path := range []string{"/_keydesk_verify", "/api/v1/verify", "/@keydesk_cannot_tell"} {
		if got := g.send(t, "GET "+path, with(g.secret), ""); strings.Contains(got.body, g.keyID) {
			t.Errorf("%s with a key shows the desk's own answer: %s", path, got.body)
		}
	}
	for _, host := range []string{"other.example", "127.0.0.1", "", apiHost + "."} {
		g.service.take()
		got := g.send(t, "GET http://"+host+"/orders", nil, "")
		if served, _ := g.service.take(); len(served) > 0 || got.status < 400 {
			t.Errorf("as %q: %d, served %v", host, got.status, served)
		}
	}
}
