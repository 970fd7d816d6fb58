package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var people = []string{"nobody", "alice", "root"}

// methodShots ask for every path by methods that it does not take.
func (s *siege) methodShots() (shots []shot) {
	takes := map[string][]string{}
	for _, a := range s.aims() {
		at := s.plainTarget(a)
		takes[at] = append(takes[at], a.method())
		if a.method() == http.MethodGet {
			takes[at] = append(takes[at], http.MethodHead)
		}
	}
	for at, methods := range takes {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PURGE", "PROPFIND", "LOCK", "QUERY", "get", "POST", "GET", "HEAD"} {
			for _, who := range people {
				if want := 405; !slices.Contains(methods, method) {
					if method == http.MethodOptions {
						want = 204 // which says what is taken
					}
					shots = append(shots, shot{
						name: "another method", who: who, method: method, target: at, want: []int{want},
						headers: "X-HTTP-Method-Override: " + methods[0] + "\r\nX-Method-Override: " + methods[0],
					})
				}
			}
		}
	}
	return shots
}

// plainTarget is the same path for every method of a route.
func (s *siege) plainTarget(a aim) string {
	return strings.NewReplacer(":id", "bob", ":number", "1", ":name", "x.css").Replace(a.path())
}

// forms are spellings of a path that a proxy or a file system takes for the path itself, and that are no path of the desk.
func spellings(path string) map[string]string {
	_, last, _ := strings.Cut(path, "/")
	at := max(strings.LastIndexByte(path, '/'), 0)
	head, tail := path[:at], path[at+1:]
	all := map[string]string{
		"two slashes first": "/" + path, "three slashes first": "//" + path, "two slashes last": path + "//", "a dot first": "/." + path,
		"dots first": "/x/.." + path, "encoded dots first": "/%2e%2e" + path, "an encoded slash first": "/%2f" + last,
		"a backslash first": `/\` + last, "an encoded backslash": "/%5c" + last, "below static": "/static/.." + path, "below the sign-in": "/login/.." + path,
	}
	if path == "/" {
		return all
	}
	more := map[string]string{
		"capitals": strings.ToUpper(path), "a slash last": path + "/", "a dot last": path + "/.", "dots last": path + "/x/..", "NUL last": path + "%00",
		"NUL and an ending": path + "%00.css", "a blank last": path + "%20", "a line end last": path + "%0a", "a tab last": path + "%09", "a parameter": path + ";x=1",
		"an encoded semicolon": path + "%3b", "an encoded question": path + "%3fx", "an encoded hash": path + "%23", "an encoded slash last": path + "%2f",
		"an encoded last slash": head + "%2f" + tail, "a twice encoded slash": head + "%252f" + tail, "two slashes within": head + "//" + tail,
		"a dot within": head + "/./" + tail, "an encoded dot within": head + "/%2e/" + tail, "a parameter within": head + ";x/" + tail,
		"a name of a file": path + ".html", "a name of data": path + ".json", "an encoded letter": head + "/%" + hexOf(tail[0]) + tail[1:],
		"a twice encoded letter": head + "/%25" + hexOf(tail[0]) + tail[1:], "an overlong slash": head + "%c0%af" + tail, "a full-width slash": head + "%ef%bc%8f" + tail,
	}
	for name, spelling := range more {
		if strings.HasPrefix(spelling, "/") { // else it is no target of a request
			all[name] = spelling
		}
	}
	return all
}

func hexOf(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// pathShots ask for spellings of every path: none is taken for the path, whoever asks.
func (s *siege) pathShots() (shots []shot) {
	for _, a := range s.aims() {
		for name, target := range spellings(a.at()) {
			for _, who := range people {
				want := []int{404, 405, 403, 303} // by whichever route with a parameter it falls to, and its gate
				switch {
				case who == "root" && !strings.HasPrefix(a.path(), "/profile/keys"):
					want = []int{404, 405}
				case a.nobody != in:
					want = []int{404, 405}
				}
				shots = append(shots, shot{name: name, who: who, method: a.method(), target: target, body: "role=admin&reason=x&name=x", want: want, wire: true})
			}
		}
	}
	return shots
}

// valueShots put every hostile value into every field and every part of a path.
func (s *siege) valueShots(values []hostileValue) (shots []shot) {
	targets := s.aims()
	for _, f := range spots() {
		a := targets[slices.IndexFunc(targets, func(a aim) bool { return a.route == f.route })]
		for i, v := range values {
			if f.slow && f.field != "user_id" && i%4 > 0 {
				continue
			}
			form := url.Values{}
			for name, rest := range f.rest {
				form[name] = rest
			}
			form.Set(f.field, v.text)
			for _, who := range people {
				row := shot{name: f.field + " with " + v.name, who: who, method: a.method(), target: a.at(), want: []int{f.want(v)}, changes: f.changes, slow: f.slow}
				if f.field == "reason" && v.line {
					row.target = strings.Replace(row.target, s.key, s.dead, 1) // which nothing deactivates again
				}
				if a.method() == http.MethodPost {
					row.body = form.Encode()
				} else {
					row.target += "?" + form.Encode()
				}
				if !a.may(who) {
					row.want, row.changes = []int{a.want(who)}, false
				}
				if len(row.target) > 8<<10 {
					row.want = []int{414}
				}
				if !f.slow || who == "nobody" || who == "alice" && a.nobody == in {
					shots = append(shots, row)
				}
			}
		}
	}
	return shots
}

// partShots put every hostile value into the part of a path that names something.
func (s *siege) partShots(values []hostileValue) (shots []shot) {
	for _, a := range s.aims() {
		before, _, found := strings.Cut(a.path(), ":")
		if !found {
			continue
		}
		_, after, _ := strings.Cut(a.path()[len(before):], "/")
		if after != "" {
			after = "/" + after
		}
		for _, v := range values {
			for _, who := range people {
				row := shot{name: "a part with " + v.name, who: who, method: a.method(), target: before + url.PathEscape(v.text) + after, want: []int{404}}
				if a.method() == http.MethodPost {
					row.body = "role=admin&reason=x&name=x"
				}
				if !a.may(who) {
					row.want = []int{a.want(who)}
				}
				if len(row.target) > 8<<10 {
					row.want = []int{414}
				}
				shots = append(shots, row)
			}
		}
	}
	return shots
}
