package handlers_test

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// visitor is a browser without a screen. It holds the session cookie in plain sight and follows no redirect.
type visitor struct {
	desk   *desk
	at     string                  // the URL of the desk, or of its inner address
	cookie *http.Cookie            // of the session, as the desk last set it; nil when there is none
	others map[string]*http.Cookie // by name; copies of a visitor share them, being the same browser
	header http.Header             // of every request
}

func (d *desk) visitor() *visitor {
	return &visitor{desk: d, at: d.url, others: map[string]*http.Cookie{}, header: http.Header{}}
}

// caller returns a visitor who asks where verify is asked.
func (d *desk) caller() *visitor {
	v := d.visitor()
	v.at = d.asks
	return v
}

// signIn returns a visitor who is signed in.
func (d *desk) signIn(userID string) *visitor {
	d.t.Helper()
	v := d.visitor()
	got := v.post("/login", url.Values{"user_id": {userID}, "password": {password}})
	if got.status != http.StatusSeeOther || v.cookie == nil {
		d.t.Fatalf("sign-in of %s: %d, cookie %v", userID, got.status, v.cookie)
	}
	return v
}

// with returns the visitor with one more header in every request.
func (v *visitor) with(name, value string) *visitor {
	other := *v
	other.header = maps.Clone(v.header)
	other.header.Set(name, value)
	return &other
}

// htmx returns the visitor as htmx asks.
func (v *visitor) htmx() *visitor { return v.with("HX-Request", "true") }

func (v *visitor) get(path string) reply {
	v.desk.t.Helper()
	return v.send(http.MethodGet, path, "", "")
}

func (v *visitor) post(path string, form url.Values) reply {
	v.desk.t.Helper()
	return v.send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode())
}

// send makes a request; without a media type it has no body.
func (v *visitor) send(method, path, mediaType, body string) reply {
	v.desk.t.Helper()
	var content io.Reader
	if mediaType != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(v.desk.t.Context(), method, v.at+path, content)
	v.desk.must(err)
	maps.Copy(r.Header, v.header)
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	if v.cookie != nil {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
	}
	for name, c := range v.others {
		r.AddCookie(&http.Cookie{Name: name, Value: c.Value})
	}
	answer, err := v.desk.web.Do(r)
	v.desk.must(err)
	defer func() { _ = answer.Body.Close() }()
	got := read(v.desk.t, answer)
	for _, c := range answer.Cookies() {
		v.keep(c)
	}
	return got
}

// keep does with a cookie as a browser does.
func (v *visitor) keep(c *http.Cookie) {
	session := c.Name == "keydesk" || c.Name == "__Host-keydesk"
	switch {
	case session && c.MaxAge < 0:
		v.cookie = nil
	case session:
		v.cookie = c
	case c.MaxAge < 0:
		delete(v.others, c.Name)
	default:
		v.others[c.Name] = c
	}
}

// pages returns the page at the path and those that its link to the next leads to.
func (v *visitor) pages(path string) (pages []*html.Node) {
	v.desk.t.Helper()
	for seen := map[string]bool{}; path != ""; {
		if seen[path] {
			v.desk.t.Fatalf("%s leads to itself", path)
		}
		seen[path] = true
		page := v.get(path).is(http.StatusOK).page()
		pages, path = append(pages, page), ""
		for _, link := range all(page, tag("a"), with("rel", "next")) {
			path = attr(link, "href")
		}
	}
	return pages
}

// raw makes a request whose target is sent as it stands, with the session cookie.
func (v *visitor) raw(method, target string) reply {
	v.desk.t.Helper()
	host := strings.TrimPrefix(v.at, "http://")
	conn, err := net.Dial("tcp", host)
	v.desk.must(err)
	defer func() { _ = conn.Close() }()
	v.desk.must(conn.SetDeadline(time.Now().Add(10 * time.Second)))
	request := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n"
	if v.cookie != nil {
		request += "Cookie: " + v.cookie.Name + "=" + v.cookie.Value + "\r\n"
	}
	for name := range v.header {
		request += name + ": " + v.header.Get(name) + "\r\n"
	}
	_, err = io.WriteString(conn, request+"\r\n")
	v.desk.must(err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	v.desk.must(err)
	defer func() { _ = answer.Body.Close() }()
	return read(v.desk.t, answer)
}

// reply is an answer, read.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func read(t *testing.T, answer *http.Response) reply {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{t, answer.StatusCode, answer.Header, string(body)}
}

// is fails unless the answer has this status, and returns it.
func (r reply) is(status int) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("answered %d, not %d: %s", r.status, status, r.body)
	}
	return r
}

// leadsTo fails unless the answer redirects (303) to this place.
func (r reply) leadsTo(location string) {
	r.t.Helper()
	if got := r.is(http.StatusSeeOther).header.Get("Location"); got != location {
		r.t.Fatalf("leads to %q, not %q", got, location)
	}
}

// page returns the answer as a whole page.
func (r reply) page() *html.Node {
	r.t.Helper()
	if !strings.HasPrefix(strings.ToLower(r.body), "<!doctype html>") {
		r.t.Fatalf("no whole page: %s", r.body)
	}
	root, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		r.t.Fatal(err)
	}
	if stray := all(root, has("else")); len(stray) > 0 {
		r.t.Errorf("a word of the template became an attribute of %s", text(stray[0]))
	}
	return root
}

// fragment returns the answer as htmx parses it, in a template.
func (r reply) fragment() *html.Node {
	r.t.Helper()
	if strings.Contains(strings.ToLower(r.body), "<html") {
		r.t.Fatalf("a whole page where a fragment was asked for: %s", r.body)
	}
	root, err := html.Parse(strings.NewReader("<!doctype html><body><template>" + r.body + "</template>"))
	if err != nil {
		r.t.Fatal(err)
	}
	return one(r.t, root, tag("template"))
}

var secretPattern = regexp.MustCompile(`kd_[0-9A-Za-z]{38}`)

// secret returns the one full key in the answer.
func (r reply) secret() string {
	r.t.Helper()
	found := secretPattern.FindAllString(r.body, -1)
	if len(found) != 1 {
		r.t.Fatalf("%d keys in the answer, not 1: %s", len(found), r.body)
	}
	return found[0]
}
