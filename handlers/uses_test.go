package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
)

const oneDay = 24 * time.Hour

// usedBy writes down what a caller did with the key, the last time at this time.
func (d *desk) usedBy(id string, at time.Time, service, address string, accepted, refused int64) {
	d.t.Helper()
	use := access.Use{
		Key: d.number(id), Day: access.Day(at), Service: service, Address: address, Accepted: accepted, Refused: refused, LastAt: at,
	}
	if accepted > 0 {
		use.UsedAt = at
	}
	_, err := d.db.SaveUses(context.Background(), []access.Use{use})
	d.must(err)
	d.must(d.db.MergeUses(context.Background()))
}

// usesShown returns what is shown of a key's uses to its owner and to an administrator: the page, and what opens in the row.
func (d *desk) usesShown(key string) map[string]*html.Node {
	d.t.Helper()
	alice, root := d.signIn("alice"), d.signIn("root")
	return map[string]*html.Node{
		"the owner's page":         one(d.t, alice.get("/profile/keys/"+key+"/uses").is(http.StatusOK).page(), tag("main")),
		"the owner's row":          alice.htmx().get("/profile/keys/" + key + "/uses").is(http.StatusOK).fragment(),
		"the administrator's page": one(d.t, root.get("/admin/keys/"+key+"/uses").is(http.StatusOK).page(), tag("main")),
		"the administrator's row":  root.htmx().get("/admin/keys/" + key + "/uses").is(http.StatusOK).fragment(),
	}
}

// Without a script the link leads to a page; with one, what it answers goes beneath the row.
func TestRowOfAKeyOpensItsUses(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	mask := "********" + secret[len(secret)-4:]
	for list, path := range map[*visitor][2]string{
		d.signIn("alice"): {"/profile/keys", "/profile/keys/" + key + "/uses"},
		d.signIn("root"):  {"/admin/users/alice", "/admin/keys/" + key + "/uses"},
	} {
		row := one(t, list.get(path[0]).page(), id("key-"+key))
		link := one(t, row, tag("a"), has("data-opens"))
		if attr(link, "href") != path[1] || attr(link, "hx-get") != path[1] || attr(link, "hx-target") != "closest tr" {
			t.Errorf("%s: the link is %v", path[0], link.Attr)
		}
		if described := one(t, row, id(attr(link, "aria-describedby"))); text(described) != mask {
			t.Errorf("%s: the link is described as %q", path[0], text(described))
		}
		got := list.htmx().get(path[1]).is(http.StatusOK)
		opened := one(t, got.fragment(), tag("tr"), id(attr(link, "data-opens")))
		if cell := one(t, opened, tag("td")); attr(cell, "colspan") != "6" || strings.Contains(got.body, mask) {
			t.Errorf("%s: what opens is %s", path[0], got.body)
		}
		page := list.get(path[1]).is(http.StatusOK)
		if n := strings.Count(page.body, mask); n != 1 {
			t.Errorf("%s: the masked key stands %d times in the page", path[1], n)
		}
		one(t, page.page(), tag("code"), saying(mask))
	}
}

func TestKeyNeverUsedSaysSo(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	for name, shown := range d.usesShown(key) {
		if words := text(shown); !strings.Contains(words, "This key was never used.") || len(all(shown, tag("figure"))) > 0 {
			t.Errorf("%s says %q", name, words)
		}
	}
}

// VER-9: the bars, the same in figures, the services and the addresses.
func TestUsesShowDaysServicesAndAddresses(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	now := d.db.Now() // 28 February
	d.usedBy(key, now.Add(-13*oneDay), "billing", "192.0.2.7", 1000, 0)
	d.usedBy(key, now.Add(-14*oneDay), "before", "192.0.2.9", 7, 0)
	d.usedBy(key, now.Add(-oneDay), "billing", "192.0.2.8", 234, 0)
	d.usedBy(key, now.Add(-2*time.Hour), "", "2001:db8::1", 3, 0)
	d.usedBy(key, now.Add(-time.Minute), "billing", "192.0.2.7", 1, 0)
	for name, shown := range d.usesShown(key) {
		figure := one(t, shown, tag("figure"))
		chart := one(t, figure, tag("svg"), leading("viewBox", "0 0 4"))
		if bars := all(chart, tag("rect"), with("class", "bar-accepted")); len(bars) != 4-1 || attr(bars[0], "height") != "96" {
			t.Errorf("%s: %d bars, the first %v", name, len(bars), bars[0].Attr)
		}
		days := texts(all(one(t, figure, tag("ul")), tag("li")))
		if len(days) != 14 || days[0] != "15 February: 1,000 accepted" || days[1] != "16 February: not used" ||
			days[12] != "27 February: 234 accepted" || days[13] != "28 February: 4 accepted" {
			t.Errorf("%s: the days are %q", name, days)
		}
		if got, want := texts(all(shown, tag("dd"))), []string{
			"billing 1,235 accepted, last 1 minute ago", "not named 3 accepted, last 2 hours ago",
			"192.0.2.7 1,001 accepted, last 1 minute ago", "2001:db8::1 3 accepted, last 2 hours ago", "192.0.2.8 234 accepted, last 1 day ago",
		}; !slices.Equal(got, want) {
			t.Errorf("%s: the callers are %q", name, got)
		}
		for _, outside := range []string{"billing", "192.0.2.7", "2001:db8::1"} {
			if len(all(shown, tag("bdi"), saying(outside))) == 0 {
				t.Errorf("%s: %s stands in no bdi", name, outside)
			}
		}
		if styled := all(shown, has("style")); len(styled) > 0 {
			t.Errorf("%s: %d inline styles", name, len(styled))
		}
	}
}

func TestManyCallersAreCountedAndExplained(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	for i := range access.DayCallers + 5 {
		d.usedBy(key, d.db.Now(), fmt.Sprintf("service-%02d", i), fmt.Sprintf("192.0.2.%d", i), 1, 0)
	}
	shows := d.usesShown(key)
	for name, shown := range shows {
		words := text(shown)
		if len(all(shown, tag("dd"))) != 2*9 || !strings.Contains(words, "and 13 more") || !strings.Contains(words, "and 12 more") {
			t.Errorf("%s says %q", name, words)
		}
	}
	shows["the history"] = d.signIn("root").get("/admin/history?tab=api").page()
	const why = "(other) stands for services whose names cannot be kept, and for callers beyond the first 20 of a day"
	for name, shown := range shows {
		if words := text(shown); !strings.Contains(words, why) {
			t.Errorf("%s does not explain (other): %q", name, words)
		}
	}
}

// VER-9: uses of a key that is inactive tell that somebody has it.
func TestRefusedUsesOfAnInactiveKeyAreShown(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	_, unused := d.newKey("alice")
	alice := d.signIn("alice")
	d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
	d.flush()
	for _, id := range []string{key, unused} {
		alice.post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusSeeOther)
	}
	d.later(time.Minute)
	for range 3 {
		d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusUnauthorized)
	}
	d.flush()
	d.later(5 * time.Minute)
	for name, shown := range d.usesShown(key) {
		if words := text(shown); !strings.Contains(words, "Refused since it was deactivated: 3, last 5 minutes ago") ||
			!strings.Contains(words, "Last used 6 minutes ago from 127.0.0.1") || !strings.Contains(words, "1 accepted, 3 refused") {
			t.Errorf("%s says %q", name, words)
		}
		one(t, one(t, shown, tag("svg"), leading("viewBox", "0 0 4")), tag("rect"), with("class", "bar-refused"))
	}
	d.usedBy(unused, d.db.Now(), "", "203.0.113.66", 0, 1)
	for name, shown := range d.usesShown(unused) {
		if words := text(shown); !strings.Contains(words, "Refused since it was deactivated: 1,") || !strings.Contains(words, "Last used: never") {
			t.Errorf("%s of a key that was never accepted says %q", name, words)
		}
	}
}

func TestKeyNotUsedLatelySaysWhoUsedItLast(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	d.usedBy(key, d.db.Now().Add(-20*oneDay), "billing", "192.0.2.7", 1, 0)
	for name, shown := range d.usesShown(key) {
		if words := text(shown); !strings.Contains(words, "Last used 2 weeks ago by billing from 192.0.2.7") ||
			!strings.Contains(words, "Nobody has used it in the last 14 days.") {
			t.Errorf("%s says %q", name, words)
		}
	}
}

func TestQuestionSaysByWhatTheKeyWasLastUsed(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	_, crowded := d.newKey("alice")
	_, old := d.newKey("alice")
	at := d.db.Now()
	d.usedBy(key, at.Add(-time.Hour), "reports", "192.0.2.8", 500, 0)
	d.usedBy(key, at, "billing", "192.0.2.7", 1, 0)
	d.usedBy(crowded, at, access.OtherCallers, "", 1, 0)
	d.exec(`INSERT INTO last_uses (key, last_used_at) VALUES (?, ?)`, d.number(old), at.UnixMicro()) // from before callers were kept
	d.later(3 * time.Minute)
	alice, root := d.signIn("alice"), d.signIn("root")
	for id, want := range map[string]string{
		key:     "Last used 3 minutes ago by billing from 192.0.2.7",
		crowded: "Last used 3 minutes ago by one of many callers",
		old:     "Last used 3 minutes ago",
	} {
		for path, got := range map[string]reply{
			"the owner's":         alice.get("/profile/keys/" + id + "/deactivate"),
			"the administrator's": root.get("/admin/keys/" + id + "/deactivate"),
			"the reason missing":  root.post("/admin/keys/"+id+"/deactivate", nil),
		} {
			if said := text(one(t, got.page(), tag("p"), saying("Last used"))); said != want {
				t.Errorf("%s says %q, not %q", path, said, want)
			}
		}
	}
}

func TestHistoryShowsWhatUsesEachKey(t *testing.T) {
	d := newDesk(t)
	secret, key := d.newKey("alice")
	_, old := d.newKey("bob")
	d.newKey("bob") // never used
	now := d.db.Now()
	d.usedBy(old, now.Add(-30*oneDay), "old", "192.0.2.99", 1, 0)
	for i, service := range []string{"a", "b", "c", "d", "e"} {
		d.usedBy(key, now.Add(-time.Duration(i)*time.Hour), service, fmt.Sprintf("192.0.2.%d", i), 1000, 2)
	}
	page := d.signIn("root").get("/admin/history?tab=api").is(http.StatusOK).page()
	rows := cells(t, page)
	if want := []string{
		"just now", "********" + secret[len(secret)-4:], "Unnamed", "alice", "active",
	}; len(rows) != 2 || !slices.Equal(rows[0][:5], want) || !strings.HasPrefix(rows[0][5], "5,000 accepted, 10 refused Details") {
		t.Fatalf("the rows are %q", rows)
	}
	if got := texts(all(page, tag("li"))); !slices.Equal(got[len(got)-4:], []string{"a", "b", "c", "and 2 more"}) {
		t.Errorf("the services are %q", got)
	}
	one(t, page, tag("p"), saying("last from 192.0.2.0"))
	if rows[1][5] != "Not used Details" {
		t.Errorf("the key of before is shown as %q", rows[1])
	}
	one(t, page, tag("a"), with("href", "/admin/keys/"+key+"/uses"), saying("Details"))
}
