package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// deskHeaders is what every page carries (WEB-3, WEB-4, WEB-5, WEB-7).
var deskHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
	"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

// otherHeaders is what an answer may carry besides, by who gives it. Anything else was slipped in.
var otherHeaders = map[string]string{
	"page": "Allow Clear-Site-Data Connection Content-Disposition Content-Encoding Content-Length Content-Type Date Hx-Redirect " +
		"Hx-Reselect Hx-Reswap Hx-Retarget Location Retry-After Set-Cookie Vary X-Request-Id",
	"verify": "Connection Content-Length Content-Type Date",
	"wire":   "Connection Content-Length Content-Type Date",
}

// isWellHeaded checks the headers of an answer: those that must be there, and that no others are.
func (r reply) isWellHeaded(t *testing.T, row hostileRow) {
	t.Helper()
	must := map[string]string{}
	switch row.by {
	case "page", "wire":
		must = deskHeaders
	case "verify":
		must = map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
	}
	for name, want := range must {
		if got := r.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s: %q", row.at, name, got)
		}
	}
	may := strings.Fields(otherHeaders[row.by])
	switch {
	case row.by != "verify":
	case r.status == http.StatusOK:
		may = append(may, "X-Keydesk-User", "X-Keydesk-Key")
	case r.status == http.StatusUnauthorized:
		may = append(may, "Www-Authenticate")
	case r.status == http.StatusMethodNotAllowed:
		may = append(may, "Allow")
	}
	for name := range maps.Keys(r.header) {
		if must[name] == "" && !slices.Contains(may, name) {
			t.Errorf("%s: has the header %s: %q", row.at, name, r.header[name])
		}
	}
	for _, name := range []string{"Location", "Hx-Redirect"} {
		for _, to := range r.header[name] {
			if u, err := url.Parse(to); err != nil || u.Host != "" || u.Scheme != "" || !staysHere(to) {
				t.Errorf("%s: leads to %q", row.at, to)
			}
		}
	}
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if !strings.HasPrefix(c.Name, "keydesk") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
			t.Errorf("%s: sets the cookie %s", row.at, c)
		}
	}
}

// staysHere tells whether a browser takes the address for a path of the site it is on.
func staysHere(address string) bool {
	return strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "//") && !strings.ContainsAny(address, "\\\t\r\n")
}

// isInert checks that a page runs and loads nothing that came with the request (WEB-8, WEB-9).
func (r reply) isInert(t *testing.T, row hostileRow) {
	t.Helper()
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		return
	}
	page, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" && n.FirstChild != nil || slices.Contains([]string{
			"style", "iframe", "object", "embed", "base", "img",
		}, n.Data)) {
			t.Errorf("%s: the page has a <%s>", row.at, n.Data)
		}
		for _, a := range n.Attr {
			address := slices.Contains([]string{"href", "src", "action", "formaction", "hx-get", "hx-post"}, a.Key)
			if address && !staysHere(a.Val) && !strings.HasPrefix(a.Val, "#") || a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s: the page has %s=%q", row.at, a.Key, a.Val)
			}
		}
	}
}

// holds checks one condition of a row.
func (r reply) holds(t *testing.T, row hostileRow, condition string) {
	t.Helper()
	word, rest, _ := strings.Cut(condition, " ")
	switch word {
	case "changes", "reveals", "continue", "eof", "answers": // looked at elsewhere
	case "says":
		if !strings.Contains(r.words(t), rest) {
			t.Errorf("%s: does not say %q: %s", row.at, rest, r.words(t))
		}
	case "lacks":
		if strings.Contains(r.body, rest) {
			t.Errorf("%s: says %q: %s", row.at, rest, r.body)
		}
	case "code":
		var problem struct{ Code string }
		if err := json.Unmarshal([]byte(r.body), &problem); err != nil || problem.Code != rest {
			t.Errorf("%s: the code is %q, not %q: %v", row.at, problem.Code, rest, err)
		}
	case "field":
		name, want, _ := strings.Cut(rest, "=")
		if got, ok := r.field(t, name); !ok || got != want {
			t.Errorf("%s: the field %s holds %q, not %q", row.at, name, got, want)
		}
	default:
		name, named := strings.CutSuffix(word, ":")
		if !named {
			t.Fatalf("%s: %q is no condition", row.at, condition)
		}
		if got := strings.Join(r.header.Values(name), ", "); got != rest && (got != "" || rest != "-") {
			t.Errorf("%s: %s: %q, not %q", row.at, name, got, rest)
		}
	}
}

// words returns the text of an answer; of a page with what its attributes hold.
func (r reply) words(t *testing.T) string {
	t.Helper()
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		return r.body
	}
	page, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	for n := range page.Descendants() {
		if n.Type == html.TextNode {
			words.WriteString(n.Data + "\n")
		}
		for _, a := range n.Attr {
			words.WriteString(a.Val + "\n")
		}
	}
	return words.String()
}

// field returns what the field of this name in the page holds.
func (r reply) field(t *testing.T, name string) (value string, ok bool) {
	t.Helper()
	page, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		for _, a := range n.Attr {
			ok = ok || a.Key == "name" && a.Val == name
		}
		if !ok {
			continue
		}
		if n.Data == "textarea" && n.FirstChild != nil {
			return n.FirstChild.Data, true
		}
		for _, a := range n.Attr {
			if a.Key == "value" {
				return a.Val, true
			}
		}
		return "", true
	}
	return "", false
}

// AUD-8, REV-4: the log is lines of JSON, has nothing in it that a terminal obeys, no key and no fault of the desk's own.
func (s *siege) logIsClean(t *testing.T) {
	t.Helper()
	log := s.log.String()
	if found := secretPattern.FindString(log); found != "" {
		t.Errorf("the log holds the key %s", found)
	}
	lines := bufio.NewScanner(strings.NewReader(log))
	for lines.Scan() {
		line := struct{ Level, Msg string }{}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil || line.Level == "" || line.Msg == "" {
			t.Errorf("no line of a log: %q: %v", lines.Text(), err)
		}
		if bytes.ContainsFunc(lines.Bytes(), func(r rune) bool { return r < ' ' || r >= 0x7F && r < 0xA0 }) {
			t.Errorf("the log holds a control character: %q", lines.Text())
		}
		if line.Level == "ERROR" || strings.Contains(line.Msg, "panic") {
			t.Errorf("a fault: %s", lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}
