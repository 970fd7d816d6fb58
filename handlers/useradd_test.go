package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

// newUser is the form for a new user, with those fields changed that are given as name and value.
func newUser(changed ...string) url.Values {
	form := url.Values{
		"user_id": {"dave"}, "name": {"Dave Bowman"}, "email": {"dave@desk.example"}, "role": {"user"},
	}
	for pair := range slices.Chunk(changed, 2) {
		form.Set(pair[0], pair[1])
	}
	return form
}

func setPassword(token, password string) url.Values {
	return url.Values{"token": {token}, "password": {password}}
}

// link returns the token of the one link that the answer shows, whole and under the base URL.
func (r reply) link() (token string) {
	r.t.Helper()
	root, err := html.Parse(strings.NewReader(r.body))
	if err != nil {
		r.t.Fatal(err)
	}
	at, err := url.Parse(text(one(r.t, root, has("data-secret"))))
	if err != nil {
		r.t.Fatal(err)
	}
	token = at.Query().Get("token")
	if at.Scheme+"://"+at.Host+at.Path != deskURL+"/set-password" || len(token) < 26 { // 128 bits in base32
		r.t.Fatalf("the link is %s", at)
	}
	return token
}

// AZ-6, AUTH-12: a new user comes with a link, which is shown once and sets the password once.
func TestNewUserSetsThePasswordByALinkThatIsShownOnce(t *testing.T) {
	for way, as := range ways() {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			root := as(d.signIn("root")).with("Accept-Encoding", "gzip")
			got := root.post("/admin/users", newUser()).is(http.StatusOK)
			token := got.link()
			if strings.Contains(strings.ToLower(got.body), "<html") == (way == "htmx") {
				t.Errorf("answered with %s", got.body)
			}
			if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Encoding") != "" { // REV-7
				t.Errorf("sent with %v", got.header)
			}
			for range 3 { // looking does not use it up
				form := d.visitor().get("/set-password?token=" + token).is(http.StatusOK).page()
				if held := attr(one(t, form, tag("input"), with("name", "token")), "value"); held != token {
					t.Errorf("the form holds %q", held)
				}
			}
			d.visitor().post("/set-password", setPassword(token, newPassword)).leadsTo("/login?note=password-set")
			d.signInWith("dave", newPassword).get("/profile/keys").is(http.StatusOK)
			d.visitor().post("/set-password", setPassword(token, password)).is(http.StatusNotFound)
			d.signInWith("dave", newPassword)
			d.tokenIsNowhere(root, token)
		})
	}
}

// tokenIsNowhere checks that nothing shows or keeps a link's token once it was shown.
func (d *desk) tokenIsNowhere(root *visitor, token string) {
	d.t.Helper()
	places := map[string]string{"log": d.log.String(), "database": d.stored()}
	for _, path := range []string{
		"/admin/users", "/admin/users/dave", "/admin/users/dave/reset", "/admin/history", "/admin/history?tab=changes", "/profile",
	} {
		places[path] = root.get(path).is(http.StatusOK).body
	}
	for place, content := range places {
		if strings.Contains(content, token) {
			d.t.Errorf("the %s holds the token of the link", place)
		}
	}
}

// AZ-6: the person is told who could have set the password, on every page, until they take note of it.
func TestOwnerIsToldOfALinkUntilTheyTakeNoteOfIt(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	token := root.post("/admin/users", newUser()).link()
	d.visitor().post("/set-password", setPassword(token, newPassword)).is(http.StatusSeeOther)
	dave := d.signInWith("dave", newPassword)
	told := func(path string) []*html.Node {
		return all(dave.get(path).is(http.StatusOK).page(), with("aria-labelledby", "new-links"))
	}
	for _, path := range []string{"/profile", "/profile/keys"} {
		notice := told(path)
		if len(notice) != 1 {
			t.Fatalf("%d notices on %s", len(notice), path)
		}
		words := text(notice[0])
		if !strings.Contains(words, "root issued it from 127.0.0.1 on 28 February 2026") ||
			!strings.Contains(words, "It was used from 127.0.0.1 on 28 February 2026") {
			t.Errorf("%s says %q", path, words)
		}
		one(t, notice[0], tag("h2"), saying("You joined by a link"))
	}
	// What has become of links since the page was shown is not noted with it.
	dave.post("/profile/links/seen", url.Values{"until": {"1"}}).leadsTo("/")
	notice := one(t, dave.get("/profile/keys").page(), with("aria-labelledby", "new-links"))
	until := attr(one(t, notice, tag("input"), with("name", "until")), "value")
	dave.with("Referer", d.url+"/profile/keys").post("/profile/links/seen", url.Values{"until": {until}}).leadsTo("/profile/keys")
	if n := len(told("/profile/keys")); n > 0 {
		t.Errorf("%d notices after they were noted", n)
	}
	if kept := text(one(t, dave.get("/profile").page(), id("links"))); !strings.Contains(kept, "root issued it") {
		t.Errorf("the profile says %q", kept)
	}
	root.post("/admin/users/dave/reset", nil).is(http.StatusOK)
	another := told("/profile")
	if len(another) != 1 || !strings.Contains(text(another[0]), "It was not used.") {
		t.Fatalf("%d notices of another link", len(another))
	}
	one(t, another[0], tag("h2"), saying("A link to set your password was issued"))
}

// A refused new user is said beside its field, what was typed stays, and nobody is added.
func TestRefusedNewUserIsSaidBesideTheFieldAndKept(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "erin", Email: "erin@desk.example", Role: access.User})
	root := d.signIn("root")
	before := d.state()
	for name, c := range map[string]struct{ field, typed, sentence string }{
		"User ID taken":    {"user_id", "alice", "There is a user with this User ID already."},
		"e-mail taken":     {"email", "erin@desk.example", "There is a user with this e-mail address already: erin."},
		"e-mail, capitals": {"email", "Erin@Desk.example", "There is a user with this e-mail address already: erin."},
		"no User ID":       {"user_id", "", "A User ID begins with a lower-case letter"},
		"capitals":         {"user_id", "Dave", "A User ID begins with a lower-case letter"},
		"e-mail as ID":     {"user_id", "dave@desk.example", "A User ID begins with a lower-case letter"}, // AUTH-14
		"operator":         {"user_id", "(operator)", "A User ID begins with a lower-case letter"},
		"too long":         {"user_id", strings.Repeat("d", 64), "A User ID begins with a lower-case letter"},
		"the desk's own":   {"user_id", "new", "This User ID is taken by the desk itself."},
		"no e-mail":        {"email", "dave", "That is not an e-mail address such as alice@example.com."},
		"e-mail and name":  {"email", "Dave <dave@desk.example>", "That is not an e-mail address such as alice@example.com."},
		"bidi in the name": {"name", "Dave\u202e", "Please leave out the character that changes the direction of text (U+202E)."},
	} {
		for way, as := range ways() {
			t.Run(name+" "+way, func(t *testing.T) {
				form := newUser(c.field, c.typed, "role", "admin")
				got := as(root).post("/admin/users", form).is(http.StatusUnprocessableEntity)
				whole, err := html.Parse(strings.NewReader(got.body))
				d.must(err)
				if said := wrongWith(whole, c.field); !strings.HasPrefix(said, c.sentence) {
					t.Errorf("the form says %q", said)
				}
				for _, field := range []string{"user_id", "name", "email"} {
					if held := attr(one(t, whole, tag("input"), with("name", field)), "value"); held != form.Get(field) {
						t.Errorf("%s holds %q", field, held)
					}
				}
				one(t, whole, tag("input"), with("name", "role"), with("value", "admin"), has("checked"))
				one(t, one(t, whole, tag("form"), with("action", "/admin/users")), with("role", "alert"), saying(c.sentence))
			})
		}
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

func TestAllThatIsWrongWithANewUserIsSaidAtOnce(t *testing.T) {
	d := newDesk(t)
	form := url.Values{"user_id": {"Dave"}, "name": {"\a"}, "email": {"dave"}, "role": {"owner"}}
	page := d.signIn("root").post("/admin/users", form).is(http.StatusUnprocessableEntity).page()
	for _, field := range []string{"user_id", "name", "email"} {
		if wrongWith(page, field) == "" {
			t.Errorf("nothing is said of %s", field)
		}
	}
	one(t, one(t, page, tag("fieldset")), with("role", "alert"), saying("The role is user or admin."))
}

// AZ-3, AZ-6: the form of a new user sets four fields, the first of each (IO-7), and never a password.
func TestFormOfANewUserSetsNothingElse(t *testing.T) {
	forged := newUser("password", newPassword, "password_hash", "x", "disabled_at", "1", "created_at", "1", "id", "root",
		"token", "x", "issued_by", "nobody", "last_sign_in_at", "1", "actor", "alice")
	mixed, parts := multipartForm(t, forged)
	later := "&" + newUser("user_id", "mallory", "name", "M", "email", "m@desk.example", "role", "admin").Encode()
	for way, p := range map[string]posting{
		"form":      {query: "?role=admin&user_id=mallory", mediaType: urlEncoded, body: forged.Encode() + later},
		"multipart": {query: "?role=admin&user_id=mallory", mediaType: mixed, body: parts},
	} {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			root := d.signIn("root")
			root.send(http.MethodPost, "/admin/users"+p.query, p.mediaType, p.body).is(http.StatusOK).link()
			added := value[string](d, `SELECT string_agg(id || ' ' || name || ' ' || email || ' ' || role || ' ' || password_hash ||
				coalesce(CAST(disabled_at AS TEXT), '') || coalesce(CAST(last_sign_in_at AS TEXT), ''), ' ') FROM users WHERE created_at >= ?
				AND id NOT IN ('alice', 'bob', 'carol', 'root')`, opening.UnixMicro())
			if want := "dave Dave Bowman dave@desk.example user "; added != want {
				t.Errorf("added %q, not %q", added, want)
			}
			if by := value[string](d, `SELECT issued_by FROM links`); by != "root" {
				t.Errorf("issued by %s", by)
			}
			for _, typed := range []string{newPassword, "", "x"} { // AUTH-12: no password opens it before its owner sets one
				d.visitor().post("/login", login("dave", typed)).is(http.StatusUnprocessableEntity)
			}
		})
	}
	t.Run("query alone", func(t *testing.T) {
		d := newDesk(t)
		root, before := d.signIn("root"), d.state()
		root.post("/admin/users?"+forged.Encode(), nil).is(http.StatusUnprocessableEntity)
		if d.state() != before {
			t.Error("somebody was added")
		}
	})
}
