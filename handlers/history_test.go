package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// tabs returns the links of the tabs, and the one that the page shows.
func tabs(t *testing.T, page *html.Node) (hrefs []string, current string) {
	t.Helper()
	nav := one(t, page, tag("nav"), with("aria-label", "Histories"))
	for _, link := range all(nav, tag("a")) {
		hrefs = append(hrefs, attr(link, "href"))
	}
	return hrefs, text(one(t, nav, with("aria-current", "page")))
}

func TestHistoryHasATabForEachKind(t *testing.T) {
	d := newDesk(t)
	root := d.signIn("root")
	for query, want := range map[string]string{
		"": "Sign-ins", "?tab=sign-ins": "Sign-ins", "?tab=changes": "Changes", "?tab=": "Sign-ins", "?tab=nonsense": "Sign-ins", "?tab=api": "API",
		"?tab=changes&after=nonsense": "Changes", "?after=-1": "Sign-ins", "?after=99999999999999999999": "Sign-ins",
	} {
		page := root.get("/admin/history" + query).is(http.StatusOK).page()
		hrefs, current := tabs(t, page)
		if current != want || !slices.Equal(hrefs, []string{
			"/admin/history?tab=sign-ins", "/admin/history?tab=api", "/admin/history?tab=changes",
		}) {
			t.Errorf("%s shows %s of %s", query, current, hrefs)
		}
		if len(cells(t, page)) == 0 && want != "API" {
			t.Errorf("%s is empty", query)
		}
	}
}

func TestChangesSayWhoDidWhatToWhom(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	secret := alice.post("/profile/keys", nil).secret()
	d.later(2 * time.Minute)
	rows := cells(t, d.signIn("root").get("/admin/history?tab=changes").page())
	mask := "********" + secret[len(secret)-4:]
	want := []string{"5", "2 minutes ago", "alice", "create key", "alice " + mask, "", "127.0.0.1", "Download proof of entry 5"}
	if !slices.Equal(rows[0], want) {
		t.Errorf("the newest change is %q", rows[0])
	}
	if oldest := rows[len(rows)-1]; oldest[0] != "1" || oldest[2] != "(operator)" || oldest[3] != "add user" {
		t.Errorf("the oldest change is %q", oldest)
	}
}

func TestHistoryIsPaged(t *testing.T) {
	d := newDesk(t)
	for range 120 {
		d.exec(`INSERT INTO sign_ins (at, user_id, address, user_agent, outcome) VALUES (1, 'bob', '', '', 'signed in')`)
		d.newKey("alice")
	}
	root := d.signIn("root") // the 121st sign-in; the people were 4 changes
	for start, want := range map[string]int{"/admin/history": 121, "/admin/history?tab=changes": 124} {
		entries, pages := 0, root.pages(start)
		for _, page := range pages {
			entries += len(cells(t, page))
		}
		if entries != want || len(pages) != 3 {
			t.Errorf("%s: %d entries on %d pages", start, entries, len(pages))
		}
	}
}

func TestEveryChangeIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	alice, root := d.signIn("alice"), d.signIn("root")
	made := alice.post("/profile/keys", nil)
	path := attr(one(t, made.page(), tag("form"), leading("action", "/profile/keys/")), "action")
	alice.post(path, map[string][]string{"name": {"laptop"}}).is(http.StatusSeeOther)
	alice.post(path+"/deactivate", nil).is(http.StatusSeeOther)
	rows := cells(t, root.get("/admin/history?tab=changes").page())
	var got []string
	for _, row := range rows[:3] {
		got = append(got, row[2]+" | "+row[3]+" | "+row[5])
	}
	want := []string{"alice | deactivate own key | ", "alice | rename key | laptop", "alice | create key | "}
	if !slices.Equal(got, want) {
		t.Errorf("the audit log says %s", strings.Join(got, "\n"))
	}
}

func TestSignInsNameTheBrowserAndFailuresStandOut(t *testing.T) {
	d := newDesk(t)
	const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0"
	d.visitor().with("User-Agent", firefox).post("/login", login("alice", "wrong")).is(http.StatusUnprocessableEntity)
	page := d.signIn("root").get("/admin/history").is(http.StatusOK).page()
	one(t, page, tag("bdi"), with("title", firefox), saying("Firefox on Linux"))
	for outcome, tone := range map[string]string{"wrong password": "text-error", "signed in": "text-success"} {
		if class := attr(one(t, page, leading("class", "badge"), saying(outcome)), "class"); !strings.HasSuffix(class, tone) {
			t.Errorf("%s is shown as %s", outcome, class)
		}
	}
}
