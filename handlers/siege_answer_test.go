package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// mayHave is what an answer may carry besides the headers of pages. Anything else was slipped in.
const mayHave = "Allow Clear-Site-Data Connection Content-Disposition Content-Length Content-Type Date Hx-Redirect " +
	"Hx-Reselect Hx-Reswap Hx-Retarget Location Retry-After Set-Cookie Vary X-Request-Id"

// isHeaded checks that the headers are those of pages and no others, that each is there once, and that none leads away.
func (r reply) isHeaded(row shot) {
	r.t.Helper()
	kept := strings.HasPrefix(row.target, "/static/") && r.status == http.StatusOK // an asset
	for header, want := range pageHeaders {
		if got := r.header.Values(header); (len(got) != 1 || got[0] != want) && (header != "Cache-Control" || !kept) {
			r.t.Errorf("%s: %s: %q", row, header, got)
		}
	}
	for header, values := range r.header {
		if pageHeaders[header] == "" && !slices.Contains(strings.Fields(mayHave), header) || len(values) > 1 && header != "Set-Cookie" && header != "Vary" {
			r.t.Errorf("%s: %s: %q", row, header, values)
		}
	}
	for _, header := range []string{"Location", "Hx-Redirect"} {
		if to := r.header.Get(header); to != "" && !staysHere(to) {
			r.t.Errorf("%s: leads to %q", row, to)
		}
	}
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if !strings.HasPrefix(c.Name, "keydesk") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
			r.t.Errorf("%s: sets the cookie %s", row, c)
		}
	}
}

// staysHere tells whether a browser takes the address for a path of the site that it is on.
func staysHere(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host == "" && u.Scheme == "" && strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") &&
		!strings.ContainsAny(address, "\\\t\r\n")
}

// told returns what a person reads of an answer.
func (r reply) told() string {
	page, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		return r.body
	}
	for _, main := range all(page, tag("main")) {
		return text(main)
	}
	return text(page)
}

// isInert checks that a page holds no element and no attribute that was sent, and that one that refuses says why.
func (r reply) isInert(row shot) {
	r.t.Helper()
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || row.method == http.MethodHead {
		return
	}
	page, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		r.t.Fatal(err)
	}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "script" && n.FirstChild != nil || slices.Contains([]string{"style", "iframe", "object", "embed", "base", "img", "hostile-x"}, n.Data) {
			r.t.Errorf("%s: the page has a <%s>", row, n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") || a.Key == "style" || a.Key == "hx-vals" || a.Key == "srcdoc" {
				r.t.Errorf("%s: the page has %s=%q", row, a.Key, a.Val)
			}
			address := slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post", "data-secret"}, a.Key) && a.Val != ""
			if address && !staysHere(a.Val) && !strings.HasPrefix(a.Val, "#") {
				r.t.Errorf("%s: the page has %s=%q", row, a.Key, a.Val)
			}
		}
	}
	if r.status < http.StatusBadRequest {
		return
	}
	said := text(page)
	for _, mark := range all(page, with("role", "alert")) {
		if text(mark) != "" {
			return
		}
	}
	if len(all(page, tag("h1"))) == 1 && !strings.Contains(said, "Status ") || len(strings.Fields(said)) < 3 {
		r.t.Errorf("%s: %d does not say what is wrong: %s", row, r.status, said)
	}
}
