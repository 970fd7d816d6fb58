package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// AZ-8, AZ-3: nobody's e-mail address changes, nor does a name: no route has a field for it, whoever asks, about whom, and
// however the fields are sent. No mail is sent either (TestImportsFollowTheHouse), so that an address leads no link astray.
func TestNoRouteChangesAnEMailAddress(t *testing.T) {
	const people = `SELECT string_agg(id || ' ' || name || ' ' || coalesce(email, '-'), ', ' ORDER BY id) FROM users WHERE id <> 'new'`
	d := newDesk(t)
	d.addUser(access.Person{UserID: "erin", Name: "Erin", Email: "erin@desk.example", Role: access.User})
	before := value[string](d, people)
	forged := url.Values{
		"email": {"mallory@elsewhere.example"}, "new_email": {"mallory@elsewhere.example"}, "mail": {"mallory@elsewhere.example"},
		"to": {"mallory@elsewhere.example"}, "name": {"Mallory"}, "name_folded": {"mallory"}, "user_id": {"erin"}, "id": {"erin"},
		"reason": {"because"}, "role": {"admin"}, "helpful": {"yes"}, "text": {"more"}, "theme": {"dark"},
	}
	in, asked := map[string]*visitor{}, 0
	for _, route := range d.app.Table() {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodPost {
			continue
		}
		for _, p := range postings(t, forged) {
			for _, who := range []string{"root", "alice"} {
				if path == "/admin/users" { // whose form makes a person
					p.body = strings.NewReplacer("user_id=erin", "user_id=new", "\r\n\r\nerin", "\r\n\r\nnew").Replace(p.body)
				}
				v := in[who]
				if v == nil || v.cookie == nil {
					v = d.signIn(who)
					in[who] = v
				}
				_, key := d.newKey("alice")
				d.exec(`DELETE FROM sign_ins`) // a desk that is not attacked
				v.send(method, strings.NewReplacer("users/:id", "users/erin", ":id", key).Replace(path)+p.query, p.mediaType, p.body)
				asked++
				if after := value[string](d, people); after != before {
					t.Fatalf("%s, %s as %s, makes %s of %s", route, p.name, who, after, before)
				}
			}
		}
	}
	if asked < 300 {
		t.Errorf("only %d requests were made", asked)
	}
}
