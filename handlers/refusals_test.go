package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/net/html"
)

// AZ-2: nobody can tell the key of another from a key that does not exist.
func TestAnothersKeyLooksLikeNoKey(t *testing.T) {
	d := newDesk(t)
	_, hers := d.newKey("alice")
	none := uuid.Must(uuid.NewV7()).String()
	bob := d.signIn("bob")
	for _, c := range []struct {
		name string
		ask  func(*visitor, string) reply
	}{
		{"rename", func(v *visitor, id string) reply { return v.post("/profile/keys/"+id, url.Values{"name": {"mine"}}) }},
		{"refused name", func(v *visitor, id string) reply { return v.post("/profile/keys/"+id, url.Values{"name": {"\a"}}) }},
		{"question", func(v *visitor, id string) reply { return v.get("/profile/keys/" + id + "/deactivate") }},
		{"deactivate", func(v *visitor, id string) reply { return v.post("/profile/keys/"+id+"/deactivate", nil) }},
	} {
		for way, v := range map[string]*visitor{"page": bob, "htmx": bob.htmx()} {
			t.Run(c.name+" "+way, func(t *testing.T) {
				another, absent := c.ask(v, hers).is(http.StatusNotFound), c.ask(v, none).is(http.StatusNotFound)
				if nameless(another) != nameless(absent) {
					t.Errorf("another's key:\n%s\nno key:\n%s", nameless(another), nameless(absent))
				}
			})
		}
	}
}

// nameless returns all of an answer but the name of its request and its time.
func nameless(r reply) string {
	all := r.header.Clone()
	all.Del("Date")
	var out strings.Builder
	_ = all.Write(&out)
	return strings.ReplaceAll(out.String()+"\n"+r.body, r.header.Get("X-Request-Id"), "REQUEST")
}

func TestWhatIsNotThereIs404ForAnAdministratorToo(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	none := uuid.Must(uuid.NewV7()).String()
	reason := url.Values{"reason": {"leaked"}}
	root.get("/admin/users/nobody").is(http.StatusNotFound)
	root.get("/admin/keys/" + none + "/deactivate").is(http.StatusNotFound)
	root.post("/admin/keys/"+none+"/deactivate", reason).is(http.StatusNotFound)
	root.post("/admin/keys/"+none+"/deactivate", nil).is(http.StatusNotFound)
}

func TestRefusalByRoleSaysWhoCan(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	for _, c := range []struct {
		name     string
		ask      func(*visitor) reply
		who      *visitor
		sentence string
	}{
		{"users", func(v *visitor) reply { return v.get("/admin/users") }, alice, "Only an administrator can do this."},
		{"another's page", func(v *visitor) reply { return v.get("/admin/users/bob") }, alice, "Only an administrator can do this."},
		{"create", func(v *visitor) reply { return v.post("/profile/keys", nil) }, root, "A user makes keys on their own API Keys page."},
		{"rename", func(v *visitor) reply { return v.post("/profile/keys/"+key, nil) }, root, "Only the user who owns a key can do this."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.ask(c.who).is(http.StatusForbidden)
			main := one(t, got.page(), tag("main"))
			if words := text(main); !strings.Contains(words, c.sentence) || !strings.Contains(words, "Status 403") ||
				!strings.Contains(words, got.header.Get("X-Request-Id")) {
				t.Errorf("the page says %q", words)
			}
			one(t, main, tag("a"), with("href", "/"))
			fragment := c.ask(c.who.htmx()).is(http.StatusForbidden)
			notice := text(one(t, fragment.fragment(), tag("p")))
			if !strings.Contains(notice, c.sentence) || fragment.header.Get("HX-Retarget") != "#notice" ||
				fragment.header.Get("HX-Reswap") != "innerHTML" {
				t.Errorf("htmx is told %q at %q", notice, fragment.header.Get("HX-Retarget"))
			}
		})
	}
}

func TestRefusedPageKeepsTheWayOnForWhoIsSignedIn(t *testing.T) {
	d := newDesk(t)
	links := func(r reply) (hrefs []string) {
		for _, nav := range all(r.page(), tag("nav"), with("aria-label", "Main")) {
			for _, a := range all(nav, tag("a")) {
				hrefs = append(hrefs, attr(a, "href"))
			}
		}
		return hrefs
	}
	for who, want := range map[*visitor]string{
		d.visitor(): "", d.signIn("alice"): "/profile/keys", d.signIn("root"): "/profile/keys /admin/users /admin/history",
	} {
		if got := strings.Join(links(who.get("/nowhere").is(http.StatusNotFound)), " "); got != want {
			t.Errorf("links to %q, not to %q", got, want)
		}
	}
}

// AUTH-11: where htmx is sent to sign in, the way back is a path of this desk, whatever page it says it is on.
func TestSignInFromHTMXLeadsBackToThePage(t *testing.T) {
	d := newDesk(t)
	for page, want := range map[string]string{
		"http://desk.example/profile/keys":       "/login?next=%2Fprofile%2Fkeys",
		"http://desk.example/admin/users?q=a&b":  "/login?next=%2Fadmin%2Fusers%3Fq%3Da%26b",
		"http://evil.example/profile/keys":       "/login?next=%2Fprofile%2Fkeys",
		"http://desk.example//evil.example/keys": "/login",
		"javascript:alert(1)":                    "/login",
		"":                                       "/login",
		"%zz":                                    "/login",
	} {
		got := d.visitor().htmx().with("HX-Current-URL", page).post("/profile/keys", nil).is(http.StatusUnauthorized)
		if to := got.header.Get("HX-Redirect"); to != want {
			t.Errorf("%s leads to %q, not to %q", page, to, want)
		}
		if line := got.fragment(); len(all(line)) > 0 || line.FirstChild.Type != html.TextNode {
			t.Errorf("more than a sentence: %s", got.body)
		}
	}
}
