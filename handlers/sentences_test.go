package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

// words returns what an answer says, in the content of its page or as a fragment.
func (r reply) words() string {
	r.t.Helper()
	return strings.Join(r.sentences(), " ")
}

// sentences returns each text of an answer, in the content of its page or in the whole of a fragment.
func (r reply) sentences() (said []string) {
	r.t.Helper()
	root, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, main := range all(root, tag("main")) {
		root = main
	}
	for n := range root.Descendants() {
		if words := strings.Join(strings.Fields(n.Data), " "); n.Type == html.TextNode && words != "" {
			said = append(said, strings.TrimSuffix(words, " Request")) // whose name follows
		}
	}
	return said
}

// refusal is a way to be refused, and what one is told.
type refusal struct {
	name     string
	ask      func(d *desk, as func(*visitor) *visitor) reply
	status   int
	sentence string
}

// posted asks as somebody who is signed in; without a User ID, as nobody.
func posted(userID, path string, form url.Values) func(*desk, func(*visitor) *visitor) reply {
	return func(d *desk, as func(*visitor) *visitor) reply { return as(d.somebody(userID)).post(path, form) }
}

func gotten(userID, path string) func(*desk, func(*visitor) *visitor) reply {
	return func(d *desk, as func(*visitor) *visitor) reply { return as(d.somebody(userID)).get(path) }
}

func (d *desk) somebody(userID string) *visitor {
	d.t.Helper()
	if userID == "" {
		return d.visitor()
	}
	return d.signIn(userID)
}

func accountRefusals() []refusal {
	linked := func(spoil func(d *desk, token string)) func(*desk, func(*visitor) *visitor) reply {
		return func(d *desk, as func(*visitor) *visitor) reply {
			token := d.newLink("bob")
			spoil(d, token)
			return as(d.visitor()).post("/set-password", setPassword(token, newPassword))
		}
	}
	return []refusal{
		{"wrong password", posted("", "/login", login("alice", newPassword)), 422,
			"That User ID and password do not match. Please try again."},
		{"used link", linked(func(d *desk, token string) {
			d.visitor().post("/set-password", setPassword(token, password)).is(http.StatusSeeOther)
		}), 404, "This link was used already: a link works once. If that was not you, tell an administrator at once."},
		{"replaced link", linked(func(d *desk, _ string) { d.newLink("bob") }), 404,
			"This link was replaced by a newer one, or is no longer needed. Ask an administrator for a new one."},
		{"expired link", linked(func(d *desk, _ string) { d.later(25 * time.Hour) }), 404,
			"This link has expired: it was good for 24 hours. Ask an administrator for a new one."},
		{"unknown link", gotten("", "/set-password?token=x"), 404, "This link is not one of this desk's, or it was not copied " +
			"whole. Open it again, or ask an administrator for a new one."},
		{"set-up link", gotten("", "/setup?token=x"), 404, "This set-up link is no longer good. If nobody can sign in yet, " +
			"start the desk again: it prints a new one."},
		{"short password", posted("alice", "/profile/password", newPasswordForm(password, "short")), 422,
			"A password needs at least 15 characters; several words are a good one."},
		{"common password", posted("alice", "/profile/password", newPasswordForm(password, "password12345678")), 422,
			"This password is easy to guess: it is made of words that are among the most common in passwords. Please choose " +
				"another; several words that only you would put together are a good one."},
		{"not the current password", posted("alice", "/profile/password", newPasswordForm("x", newPassword)), 422,
			"That is not your current password. Nothing was changed."},
		{"own role", posted("root", "/admin/users/root/role", url.Values{"role": {"user"}}), 409,
			"Nobody changes their own role: ask another administrator."},
		{"own account", posted("root", "/admin/users/root/disable", nil), 409,
			"Nobody disables themselves: ask another administrator."},
		{"own password", posted("root", "/admin/users/root/reset", nil), 409, "Change your own password on your profile."},
		{"disabled account", posted("root", "/admin/users/carol/reset", nil), 409, "This account is disabled. An administrator can enable it, on the user's page in Manage Users."},
		{"no role", posted("root", "/admin/users/bob/role", url.Values{"role": {"owner"}}), 422, "The role is user or admin."},
		{"no theme", posted("", "/theme", url.Values{"theme": {"pink"}}), 422, "The theme is light, dark or system."},
	}
}

func keyRefusals() []refusal {
	onOwnKey := func(what string, form url.Values) func(*desk, func(*visitor) *visitor) reply {
		return func(d *desk, as func(*visitor) *visitor) reply {
			id := value[string](d, `SELECT min(id) FROM keys WHERE user_id = 'alice'`)
			return posted("alice", "/profile/keys/"+id+what, form)(d, as)
		}
	}
	return []refusal{
		{"control character", onOwnKey("", url.Values{"name": {"lap\x1btop"}}), 422,
			"Please leave out the control character (U+001B)."},
		{"long name", onOwnKey("", url.Values{"name": {strings.Repeat("x", 65)}}), 422, "A name has at most 64 characters."},
		{"limit", posted("alice", "/profile/keys", nil), 409, "You have as many active keys as one user may have " +
			"here (2). No key was made: first deactivate one that you no longer need."},
		{"another's page", posted("alice", "/profile/keys", url.Values{"as": {"bob"}}), 409, "You are now signed in as alice, " +
			"so no key was made for the person whose page this is. Open API Keys again."},
		{"form of another site", posted("alice", "/profile/keys", url.Values{"once": {strings.Repeat("x", 65)}}), 422,
			"This form was not made here. Reload the page and try again."},
		{"not yours", posted("alice", "/profile/keys/none/deactivate", nil), 404, "There is nothing here, or it is not yours."},
		{"administrators only", gotten("alice", "/admin/users"), 403, "Only an administrator can do this. Ask one of yours."},
		{"users only", posted("root", "/profile/keys", nil), 403, "Administrators cannot make keys: who oversees every key " +
			"never holds one. A user makes keys on their own API Keys page."},
		{"owners only", posted("root", "/profile/keys/none", nil), 403, "Only the user who owns a key can do this. " +
			"Administrators deactivate keys on the user's page in Manage Users."},
		{"status", gotten("root", "/admin/users/export.csv?status=all"), 422,
			"Status is active or inactive, or left out for both."},
		{"no page", gotten("", "/nowhere"), 404, "There is no such page."},
		{"no method", func(d *desk, as func(*visitor) *visitor) reply {
			return as(d.visitor()).send(http.MethodDelete, "/login", "", "")
		}, 405, "This page does not take that kind of request."},
		{"another site", func(d *desk, as func(*visitor) *visitor) reply {
			return as(d.visitor()).with("Sec-Fetch-Site", "cross-site").post("/login", nil)
		}, 403, "This request came from another site, so it was not carried out."},
		{"too large", posted("", "/login", url.Values{"password": {strings.Repeat("x", bodyLimit)}}), 413,
			"That is more than this desk takes in one request. Nothing was changed."},
		{"too long", gotten("", "/login?"+strings.Repeat("x", 8<<10)), 414, "That address is longer than any of this desk's."},
		{"packed", func(d *desk, as func(*visitor) *visitor) reply {
			return as(d.visitor()).with("Content-Encoding", "gzip").post("/login", nil)
		}, 415, "This desk takes plain forms only, as its own pages send them."},
		{"broken off", func(d *desk, as func(*visitor) *visitor) reply {
			return as(d.visitor()).send(http.MethodPost, "/login", urlEncoded, "x=%zz")
		}, 400, "That request could not be read. Go back, reload the page and try again."},
	}
}

// Every refusal that a person can meet is a sentence for that person, the same on a page and in a fragment. A page has
// one title, and leads on.
func TestEveryRefusalIsASentence(t *testing.T) {
	for way, as := range ways() {
		d := newEmptyDesk(t, deskURL, access.KeyLimits{Active: 2})
		d.addPeople()
		d.newKey("alice")
		d.newKey("alice")
		for _, row := range slices.Concat(accountRefusals(), keyRefusals()) {
			t.Run(row.name+" "+way, func(t *testing.T) {
				got := row.ask(d, as).is(row.status)
				if said := got.sentences(); !slices.Contains(said, row.sentence) {
					t.Errorf("says %q", said)
				}
				if !strings.HasPrefix(got.body, "<!doctype") {
					return
				}
				page := got.page()
				if len(all(page, tag("h1"))) != 1 || len(all(one(t, page, tag("main")), tag("a")))+len(all(page, tag("form"))) == 0 {
					t.Error("the page has no title, or leads nowhere")
				}
			})
		}
	}
}

// KEY-7: who makes keys too fast is told so, and when to go on.
func TestKeysMadeTooFastAreRefusedWithTheTimeToWait(t *testing.T) {
	for way, as := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newEmptyDesk(t, deskURL, access.KeyLimits{PerMinute: 2})
			d.addPeople()
			alice := as(d.signIn("alice"))
			alice.post("/profile/keys", nil).is(http.StatusOK)
			alice.post("/profile/keys", nil).is(http.StatusOK)
			before := d.state()
			got := alice.post("/profile/keys", nil).is(http.StatusTooManyRequests)
			const want = "You have made keys as fast as one user may here (2 a minute). No key was made: please try again in a " +
				"minute."
			if !slices.Contains(got.sentences(), want) || got.header.Get("Retry-After") != "60" || d.state() != before {
				t.Errorf("says %q, Retry-After: %s", got.sentences(), got.header.Get("Retry-After"))
			}
			d.signIn("bob").post("/profile/keys", nil).is(http.StatusOK)
			d.later(time.Minute)
			alice.post("/profile/keys", nil).is(http.StatusOK)
		})
	}
}

// SES-6: whose session is no more is told why, and where to go on.
func TestWhoIsSignedOutIsToldWhy(t *testing.T) {
	for name, c := range map[string]struct{ userID, change, sentence string }{
		"never in": {"", `SELECT 1`, "You are not signed in. Please sign in."},
		"ended":    {"alice", `DELETE FROM sessions`, "Your session has ended. Please sign in again."},
		"disabled": {"alice", `UPDATE users SET disabled_at = 1 WHERE id = 'alice'`, "Your session has ended. Please sign in again."},
		"role":     {"alice", `UPDATE users SET role = 'admin' WHERE id = 'alice'`, "Your rights have changed. Please sign in again."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			v := d.somebody(c.userID)
			d.exec(c.change)
			got := v.htmx().with("HX-Current-URL", deskURL+"/profile").post("/profile/keys", nil).is(http.StatusUnauthorized)
			if got.body != c.sentence || got.header.Get("HX-Redirect") != "/login?next=%2Fprofile" {
				t.Errorf("says %q and leads to %q", got.body, got.header.Get("HX-Redirect"))
			}
			v.get("/profile").leadsTo("/login?next=%2Fprofile")
		})
	}
}
