package handlers_test

import (
	"net/http"
	"strings"
)

// formShots send every form in ways that no page does.
func (s *siege) formShots() (shots []shot) {
	asked := changing().Encode()
	for _, a := range s.aims() {
		if a.method() != http.MethodPost {
			continue
		}
		for _, way := range []struct{ name, kind, query, body string }{
			{name: "JSON", kind: "application/json", body: `{"name":"x","role":"admin","reason":"x","helpful":"yes","theme":"dark"}`},
			{name: "JSON as text", kind: "text/plain", body: `{"role":"admin"}`}, {name: "form as text", kind: "text/plain", body: asked},
			{name: "XML", kind: "application/xml", body: `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><role>&e;</role>`},
			{name: "no kind", kind: "", body: asked},
			{name: "query", kind: urlEncoded, query: "?" + asked}, {name: "query beside JSON", kind: "application/json", query: "?" + asked, body: "{}"},
			{name: "lists", kind: urlEncoded, body: "role[]=admin&reason[]=x&helpful[0]=yes&theme[a]=dark&user_id[]=x&once[]=x&name[]=x"},
			{name: "objects", kind: urlEncoded, body: "user.role=admin&user[role]=admin&form.reason=x&helpful.yes=1"},
			{name: "names in capitals", kind: urlEncoded, body: "ROLE=admin&Reason=x&Helpful=yes&Theme=dark&User_ID=x&Name=x"},
			{name: "names with blanks", kind: urlEncoded, body: "role%20=admin&%20reason=x&helpful%00=yes&theme%0a=dark"},
			{name: "files", kind: "multipart/form-data; boundary=b", body: files("role", "reason", "helpful", "theme", "user_id", "name", "password")},
			{name: "the wrong one first", kind: urlEncoded, body: "role=king&role=admin&reason=&reason=x&helpful=maybe&helpful=yes&theme=blue&theme=dark&user_id=X&user_id=x&current=x&name="},
		} {
			for _, who := range people {
				if a.bare == 422 && (who == "root" || way.name != "lists") {
					continue // a password is looked at, which is slow
				}
				row := shot{
					name: way.name, who: who, method: http.MethodPost, target: a.at() + way.query, headers: "Content-Type: " + way.kind, body: way.body,
					want: []int{a.want(who)}, changes: a.may(who) && (a.changes || a.bare != 0), slow: a.bare == 422,
				}
				if a.may(who) && a.bare != 0 {
					row.want = []int{a.bare}
				}
				shots = append(shots, row)
			}
		}
		shots = append(shots, s.brokenShots(a)...)
	}
	return shots
}

// files returns a form in which these fields are files.
func files(names ...string) string {
	var out strings.Builder
	for _, name := range names {
		out.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"../../x\"\r\n\r\nadmin\r\n")
	}
	return out.String() + "--b--\r\n"
}

// brokenShots send what is no form, and what is too much of one.
func (s *siege) brokenShots(a aim) (shots []shot) {
	for _, way := range []struct{ name, kind, body string }{
		{"broken escape", urlEncoded, "role=%zz"}, {"half an escape", urlEncoded, "reason=%"}, {"two kinds", urlEncoded + ", application/json", "role=admin"}, {"semicolons", urlEncoded, "role=admin;reason=x"},
		{"no boundary", "multipart/form-data", "role=admin"}, {"broken off", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"role\"\r\n\r\nad"},
		{"too much", urlEncoded, "name=" + strings.Repeat("x", bodyLimit)}, {"too many fields", urlEncoded, strings.Repeat("a=&", bodyLimit/3+1)},
	} {
		for _, who := range people {
			row := shot{
				name: way.name, who: who, method: http.MethodPost, target: a.at(), headers: "Content-Type: " + way.kind, body: way.body,
				want: []int{a.want(who)}, changes: a.changes && a.may(who),
			}
			switch {
			case len(way.body) > bodyLimit:
				row.want, row.changes = []int{413}, false
			case a.reads() && a.may(who):
				row.want = []int{400}
			}
			shots = append(shots, row)
		}
	}
	return shots
}

// headerShots ask every route with headers that lie.
func (s *siege) headerShots() (shots []shot) {
	for _, a := range s.aims() {
		for _, l := range lies(s.good) {
			for _, who := range people {
				row := shot{
					name: "headers " + l.header + l.session, who: who, method: a.method(), target: a.target, headers: l.header, cookie: l.session, body: a.body,
					want: []int{a.want(who)}, changes: a.changes && a.may(who),
				}
				post := a.method() == http.MethodPost
				switch {
				case l.crossSite && post:
					row.want, row.changes = []int{403}, false
				case l.packed:
					row.want, row.changes = []int{415}, false
				case l.nobody:
					row.want, row.changes = []int{a.want("nobody")}, false
				case l.htmx && map[string]int{"nobody": a.nobody, "alice": a.alice, "root": a.root}[who] == in:
					row.want = []int{401}
				case l.htmx && post && a.want(who) == 303:
					row.want = []int{200, 303}
				}
				shots = append(shots, row)
			}
		}
	}
	return shots
}
