package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

// offered returns each field that some page offers, as "METHOD ROUTE?FIELD": of its forms, and in the queries of its links.
func (s *siege) offered() (fields []string) {
	s.t.Helper()
	for range 60 { // more than a page holds, so that there is a next one
		s.newKey("alice")
		s.addUser(access.Person{UserID: "u" + strings.ToLower(access.NewToken()[:9]), Role: access.User})
	}
	setUp, setUpToken := newSetUp(s.t)
	alice, root := s.signIn("alice"), s.signIn("root")
	s.newLink("bob") // which is news
	bob := s.signIn("bob")
	link := s.newLink("alice")
	for _, page := range []*html.Node{
		s.visitor().get("/login").page(), s.visitor().get("/set-password?token=" + link).page(), setUp.visitor().get("/setup?token=" + setUpToken).page(),
		bob.get("/profile").page(), alice.post("/profile/keys", url.Values{"once": {"1"}}).is(http.StatusOK).page(),
	} {
		fields = append(fields, s.fieldsOf(page)...)
	}
	for who, v := range map[string]*visitor{"alice": alice, "root": root} {
		for _, a := range s.aims() {
			if a.method() != http.MethodGet || a.want(who) != http.StatusOK || strings.HasPrefix(a.route, "GET /static/") {
				continue
			}
			for _, query := range []string{"", "?tab=api", "?tab=changes&from=x"} {
				got := v.get(strings.Replace(a.target, "users/bob", "users/alice", 1) + query)
				if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
					fields = append(fields, s.fieldsOf(got.page())...)
				}
			}
		}
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

func (s *siege) fieldsOf(page *html.Node) (fields []string) {
	for _, form := range all(page, tag("form")) {
		method, action := strings.ToUpper(attr(form, "method")), attr(form, "action")
		for n := range form.Descendants() {
			if name := attr(n, "name"); name != "" {
				fields = append(fields, s.routeOf(method, action)+"?"+name)
			}
		}
	}
	for _, link := range all(page, tag("a")) {
		to, err := url.Parse(attr(link, "href"))
		s.must(err)
		for name := range to.Query() {
			fields = append(fields, s.routeOf(http.MethodGet, to.Path)+"?"+name)
		}
	}
	return fields
}

// routeOf returns the route that a request goes to.
func (s *siege) routeOf(method, path string) string {
	s.t.Helper()
	best := ""
	for _, line := range s.app.Table() {
		takes, pattern, _ := strings.Cut(line, " ")
		if takes == method && fits(strings.Split(pattern, "/"), strings.Split(path, "/")) && (best == "" || !strings.Contains(pattern, ":")) {
			best = line
		}
	}
	if best == "" {
		s.t.Errorf("nothing takes %s %s", method, path)
	}
	return best
}

// fits tells whether the parts of a path are those of a route, whose parameters begin with a colon.
func fits(route, parts []string) bool {
	return slices.EqualFunc(route, parts, func(a, b string) bool { return a == b || strings.HasPrefix(a, ":") })
}
