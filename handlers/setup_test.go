package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// newSetUp returns a desk without anybody, and the token of its set-up link.
func newSetUp(t *testing.T) (d *desk, token string) {
	t.Helper()
	d = newEmptyDesk(t, deskURL, access.KeyLimits{})
	return d, d.newSetUpLink()
}

func (d *desk) newSetUpLink() (token string) {
	d.t.Helper()
	token = access.NewToken()
	d.must(d.db.IssueSetUpLink(context.Background(), access.HashToken(token)))
	return token
}

func firstAdmin(token string) url.Values {
	return url.Values{
		"token": {token}, "user_id": {"ruth"}, "name": {"Ruth"}, "email": {"ruth@desk.example"}, "password": {newPassword},
	}
}

func (d *desk) people() string {
	d.t.Helper()
	return value[string](d, `SELECT coalesce(string_agg(id || ' ' || name || ' ' || coalesce(email, '') || ' ' || role ||
		coalesce(CAST(disabled_at AS TEXT), ''), ', ' ORDER BY id), '') FROM users`)
}

// AUTH-12: the set-up link makes the first administrator, once, and looking does not use it up.
func TestSetUpLinkMakesTheFirstAdministrator(t *testing.T) {
	for way, as := range ways() {
		t.Run(way, func(t *testing.T) {
			d, token := newSetUp(t)
			v, before := as(d.visitor()), d.state()
			for range 3 {
				got := v.get("/setup?token=" + token)
				got.guarded(t, "the form", http.StatusOK)
				one(t, got.page(), tag("form"), with("action", "/setup"))
				v.send(http.MethodHead, "/setup?token="+token, "", "").is(http.StatusOK)
			}
			if d.state() != before {
				t.Error("looking changes something")
			}
			v.post("/setup", firstAdmin(token)).leadsTo("/login?note=set-up")
			said := one(t, v.get("/login?note=set-up").page(), id("notice"))
			if text(said) != "The first administrator is made. Sign in." {
				t.Errorf("the page says %q", text(said))
			}
			if got := d.people(); got != "ruth Ruth ruth@desk.example admin" {
				t.Errorf("the people are %s", got)
			}
			d.signInWith("ruth", newPassword).get("/admin/users").is(http.StatusOK)
			d.noSetUp(token)
			if strings.Contains(d.log.String(), token) || strings.Contains(d.stored(), token) {
				t.Error("the token is kept")
			}
		})
	}
}

// noSetUp checks that a token sets nothing up, in any way.
func (d *desk) noSetUp(token string) {
	d.t.Helper()
	const want = "This set-up link is no longer good. If nobody can sign in yet, start the desk again: it prints a new one."
	before := d.state()
	form := firstAdmin(token)
	form.Set("user_id", "mallory")
	for _, as := range ways() {
		v := as(d.visitor())
		page := "/setup?" + url.Values{"token": {token}}.Encode()
		for _, got := range []reply{v.post("/setup", form), v.post(page, form), v.get(page)} {
			if said := got.is(http.StatusNotFound).words(); !strings.Contains(said, want) {
				d.t.Errorf("the page says %q", said)
			}
		}
	}
	if d.state() != before {
		d.t.Error("something was changed")
	}
}

// AUTH-12: a set-up link that is not good, or no longer, makes nobody.
func TestSetUpLinkThatIsNoGoodMakesNobody(t *testing.T) {
	for name, spoil := range map[string]func(d *desk, token string) (shown string){
		"none":     func(*desk, string) string { return "" },
		"wrong":    func(*desk, string) string { return access.NewToken() },
		"cut off":  func(_ *desk, token string) string { return token[:len(token)-1] },
		"its hash": func(_ *desk, token string) string { return string(access.HashToken(token)) },
		"replaced": func(d *desk, token string) string {
			if d.raw.Postgres() { // where another instance may have printed it, which changes nothing
				d.exec(`UPDATE links SET withdrawn_at = issued_at`)
			}
			d.newSetUpLink()
			return token
		},
		"expired": func(d *desk, token string) string { d.later(access.LinkLife); return token },
		"by the operator": func(d *desk, token string) string {
			d.addUser(access.Person{UserID: "root", Role: access.Admin})
			return token
		},
		"a user, no administrator": func(d *desk, token string) string {
			d.addUser(access.Person{UserID: "alice", Role: access.User})
			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, token := newSetUp(t)
			d.noSetUp(spoil(d, token))
		})
	}
}

// AUTH-12: a set-up link sets nobody's password, and a set-password link sets nothing up.
func TestLinksAreGoodForOneThingOnly(t *testing.T) {
	d, token := newSetUp(t)
	d.visitor().get("/set-password?token=" + token).is(http.StatusNotFound)
	d.visitor().post("/set-password", setPassword(token, newPassword)).is(http.StatusNotFound)
	d.addPeople()
	d.noSetUp(d.newLink("alice"))
}

// AUTH-12: nobody can sign in to a desk that was not set up.
func TestDeskWithoutAnybodyHasNoDefaultAccount(t *testing.T) {
	d, _ := newSetUp(t)
	for userID, password := range map[string]string{
		"admin": "admin", "root": "root", "keydesk": "keydesk", "administrator": "password", "": "", "(operator)": "",
	} {
		d.visitor().post("/login", login(userID, password)).is(http.StatusUnprocessableEntity)
	}
	if got := d.people(); got != "" {
		t.Errorf("the people are %s", got)
	}
}

// AUTH-12, AZ-10: of set-ups that race, one makes an administrator.
func TestRacingSetUpsMakeOneAdministrator(t *testing.T) {
	d, token := newSetUp(t)
	made := make(chan string, 4)
	var all sync.WaitGroup
	for _, userID := range []string{"ruth", "rhea", "rita", "rosa"} {
		all.Go(func() {
			form := firstAdmin(token)
			form.Set("user_id", userID)
			form.Set("name", "")
			form.Set("email", "")
			got := d.visitor().post("/setup", form)
			switch got.status {
			case http.StatusSeeOther:
				made <- userID
			case http.StatusNotFound:
			default:
				t.Errorf("%s: answered %d: %s", userID, got.status, got.body)
			}
		})
	}
	all.Wait()
	close(made)
	if winner, loser := <-made, <-made; winner == "" || loser != "" || d.people() != winner+"   admin" {
		t.Errorf("made %q and %q, and the people are %s", winner, loser, d.people())
	}
}

// A refused set-up is said beside the fields, keeps what was typed but the password, and does not use the link up.
func TestRefusedSetUpIsSaidAndKept(t *testing.T) {
	d, token := newSetUp(t)
	form := firstAdmin(token)
	for field, typed := range map[string]string{
		"user_id": "Ruth", "name": "Ru\u200bth", "email": "ruth", "password": "passwordpassword",
	} {
		form.Set(field, typed)
	}
	for _, as := range ways() {
		page := as(d.visitor()).post("/setup", form).is(http.StatusUnprocessableEntity).page()
		for field, sentence := range map[string]string{
			"user_id": "A User ID begins with a lower-case letter", "name": "Please leave out the invisible character (U+200B).",
			"email": "That is not an e-mail address such as alice@example.com.", "password": "This password is easy to guess",
		} {
			if said := wrongWith(page, field); !strings.HasPrefix(said, sentence) {
				t.Errorf("of %s the page says %q", field, said)
			}
			held := attr(one(t, page, tag("input"), with("name", field)), "value")
			if want := map[bool]string{true: "", false: form.Get(field)}[field == "password"]; held != want {
				t.Errorf("%s holds %q", field, held)
			}
		}
	}
	if got := d.people(); got != "" {
		t.Errorf("the people are %s", got)
	}
	d.visitor().post("/setup", firstAdmin(token)).is(http.StatusSeeOther)
}

// AZ-3: the set-up form makes an enabled administrator of the four fields it has, the first of each (IO-7).
func TestSetUpFormSetsNothingElse(t *testing.T) {
	forged := firstAdmin("")
	for name, content := range map[string]string{
		"role": "user", "disabled_at": "1", "password_hash": "x", "created_at": "1", "id": "mallory", "actor": "mallory",
	} {
		forged.Set(name, content)
	}
	for _, way := range []string{"form", "multipart"} {
		t.Run(way, func(t *testing.T) {
			d, token := newSetUp(t)
			forged.Set("token", token)
			mediaType, body := urlEncoded, forged.Encode()+"&user_id=mallory&password=x"
			if way == "multipart" {
				mediaType, body = multipartForm(t, forged)
			}
			d.visitor().send(http.MethodPost, "/setup?user_id=mallory", mediaType, body).leadsTo("/login?note=set-up")
			if got := d.people(); got != "ruth Ruth ruth@desk.example admin" {
				t.Errorf("the people are %s", got)
			}
			d.signInWith("ruth", newPassword)
		})
	}
}
