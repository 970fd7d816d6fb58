package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

// listed returns the User IDs of a page of users.
func listed(t *testing.T, page *html.Node) (userIDs []string) {
	t.Helper()
	for _, row := range cells(t, page) {
		userIDs = append(userIDs, row[0])
	}
	return userIDs
}

func TestUsersAreListedWithWhatOneOverseesThemBy(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "dave", Name: "Dave Bowman", Email: "dave@desk.example", Role: access.User})
	d.newKey("alice")
	d.newKey("alice")
	_, ended := d.newKey("alice")
	root := d.signIn("root")
	root.post("/admin/keys/"+ended+"/deactivate", url.Values{"reason": {"leaked"}}).is(http.StatusSeeOther)
	d.later(5 * time.Minute)
	page := root.get("/admin/users").is(http.StatusOK).page()
	got := cells(t, page)
	want := [][]string{
		{"alice", "–", "user", "enabled", "2", "never"},
		{"bob", "–", "user", "enabled", "0", "never"},
		{"carol", "–", "user", "disabled", "0", "never"},
		{"dave", "Dave Bowman", "user", "enabled", "0", "never"},
		{"root", "–", "administrator", "enabled", "0", "5 minutes ago"},
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("the users are %q", got)
	}
	one(t, one(t, page, tag("tbody")), tag("a"), with("href", "/admin/users/dave"))
	export := one(t, page, tag("a"), saying("Export Account API Key"))
	if attr(export, "href") != "/admin/export" {
		t.Errorf("the export is at %s", attr(export, "href"))
	}
}

// IO-5: a search finds beginnings, in whatever case, and takes no pattern.
func TestSearchFindsBeginnings(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "dave", Name: "Zoë Bowman", Email: "pod@desk.example", Role: access.User})
	d.addUser(access.Person{UserID: "dora", Name: "100% Dora_X", Role: access.User})
	root := d.signIn("root")
	for text, want := range map[string]string{
		"":                  "alice bob carol dave dora root",
		"d":                 "dave dora",
		" DAV ":             "dave",
		"ave":               "",
		"zoë b":             "dave",
		"ZOË":               "dave",
		"POD@":              "dave",
		"desk.example":      "",
		"100%":              "dora",
		"%":                 "",
		"_ob":               "",
		"d*":                "",
		"' OR 1=1 --":       "",
		"d' OR '1'='1":      "",
		"dave\U0010FFFF":    "",
		"\x00":              "",
		"nobody whatsoever": "",
	} {
		page := root.get("/admin/users?q=" + url.QueryEscape(text)).is(http.StatusOK).page()
		if got := strings.Join(listed(t, page), " "); got != want || len(all(page, with("rel", "next"))) > 0 {
			t.Errorf("%q finds %q", text, got)
		}
		if typed := attr(one(t, page, tag("input"), id("q")), "value"); typed != strings.ReplaceAll(text, "\x00", "\ufffd") {
			t.Errorf("%q is kept as %q", text, typed)
		}
	}
}

func TestUsersArePagedWithTheirSearch(t *testing.T) {
	d := newDesk(t)
	for i := range 60 {
		d.addUser(access.Person{UserID: fmt.Sprintf("x%02d", i), Name: "A & B", Role: access.User})
	}
	root := d.signIn("root")
	for start, want := range map[string]int{"/admin/users": 64, "/admin/users?q=a+%26+b": 60, "/admin/users?q=x1": 10} {
		var seen []string
		pages := root.pages(start)
		for i, page := range pages {
			userIDs := listed(t, page)
			if len(userIDs) != 50 && i != len(pages)-1 {
				t.Errorf("%s: page %d has %d users", start, i+1, len(userIDs))
			}
			seen = append(seen, userIDs...)
		}
		if !slices.IsSorted(seen) || len(slices.Compact(seen)) != want {
			t.Errorf("%s leads through %q", start, seen)
		}
	}
}

func TestPageOfAUserShowsTheKeysMasked(t *testing.T) {
	d := newDesk(t)
	d.addUser(access.Person{UserID: "dave", Name: "Dave Bowman", Email: "dave@desk.example", Role: access.User})
	secret, key := d.newKey("dave")
	d.newKey("alice")
	page := d.signIn("root").get("/admin/users/dave").is(http.StatusOK).page()
	var facts []string
	for _, fact := range all(page, tag("dd")) {
		facts = append(facts, text(fact))
	}
	if want := []string{"Dave Bowman", "dave@desk.example", "user", "enabled", "never"}; !slices.Equal(facts, want) {
		t.Errorf("the page says %q", facts)
	}
	row := one(t, one(t, page, tag("tbody")), tag("tr"))
	if mask := text(one(t, row, with("data-label", "Key"))); mask != "********"+secret[len(secret)-4:] {
		t.Errorf("the key is shown as %q", mask)
	}
	one(t, row, tag("form"), with("action", "/admin/keys/"+key+"/deactivate"))
	if names := all(row, tag("input")); len(names) > 0 {
		t.Error("an administrator is offered to rename the key")
	}
}

func TestKeysArePaged(t *testing.T) {
	d := newDesk(t)
	d.fill("alice", 230)
	for who, start := range map[string]string{"alice": "/profile/keys", "root": "/admin/users/alice"} {
		var seen []string
		for _, page := range d.signIn(who).pages(start) {
			for _, row := range all(one(t, page, tag("tbody")), tag("tr")) {
				seen = append(seen, attr(row, "id"))
			}
		}
		slices.Reverse(seen) // newest first
		if !slices.IsSorted(seen) || len(slices.Compact(seen)) != 230 {
			t.Errorf("%s sees %d keys", who, len(seen))
		}
	}
}

// AZ-2: going on after another's key is answered as after a key that does not exist.
func TestListDoesNotGoOnAfterAnothersKey(t *testing.T) {
	d := newDesk(t)
	d.newKey("alice")
	d.later(time.Second)
	_, another := d.newKey("bob")
	alice := d.signIn("alice")
	got := alice.get("/profile/keys?after=" + another).is(http.StatusNotFound)
	absent := alice.get("/profile/keys?after=none").is(http.StatusNotFound)
	if nameless(got) != nameless(absent) {
		t.Errorf("after another's key:\n%s\nafter none:\n%s", nameless(got), nameless(absent))
	}
}
