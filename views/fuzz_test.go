package views_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// pagesAbout returns pages on which the text stands wherever people or browsers can have put one.
func pagesAbout(text string) map[string]templ.Component {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	page := views.Page{Title: "A page", Actor: access.Actor{UserID: "root", Role: access.Admin}, Note: text}
	own := views.Page{Title: "API Keys", Actor: access.Actor{UserID: "alice", Role: access.User}}
	person := access.Person{UserID: "alice", Name: text, Email: text, Role: access.User, CreatedAt: now}
	key := access.Key{ID: "0195", UserID: "alice", Name: text, Last4: "7Hq0", CreatedAt: now}
	dead := key
	dead.DeactivatedAt, dead.DeactivatedBy, dead.Reason = now, "root", text
	return map[string]templ.Component{
		"keys":  views.KeysPage(views.Keys{Page: own, Keys: []access.Key{key, dead}, Now: now}),
		"users": views.UsersPage(views.Users{Page: page, People: []access.Person{person}, Text: text, Now: now}),
		"user":  views.UserPage(views.OneUser{Page: page, Person: person, Keys: []access.Key{key, dead}, Now: now}),
		"sign-ins": views.HistoryPage(views.History{Page: page, Tab: views.TabSignIns, Now: now, SignIns: []access.SignIn{
			{At: now, UserID: "alice", Address: "192.0.2.1", UserAgent: text, Outcome: access.WrongPassword},
		}}),
		"changes": views.HistoryPage(views.History{Page: page, Tab: views.TabChanges, Now: now, Changes: []access.Change{
			{Number: 1, At: now, Actor: "root", Address: "192.0.2.1", Action: access.RenameKey, UserID: "alice", KeyID: "0195", Last4: "7Hq0", Detail: text},
		}}),
		"problem": views.ProblemPage(views.Problem{Page: page, Status: 400, Sentence: text, RequestID: text}),
	}
}

// shape returns the elements of a page with the names of their attributes, and the values of those that a browser or htmx acts
// on.
func shape(t *testing.T, page templ.Component) (all []string) {
	t.Helper()
	var out bytes.Buffer
	if err := page.Render(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for z := html.NewTokenizer(&out); ; {
		switch z.Next() {
		case html.ErrorToken:
			return all
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			line := token.Data
			for _, a := range token.Attr {
				line += " " + a.Key
				if a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "class" || a.Key == "id" || strings.HasPrefix(a.Key, "hx-") {
					line += "=" + a.Val
				}
			}
			all = append(all, line)
		}
	}
}

// SUP-6, WEB-8: whatever people and their browsers are called, a page has the same elements, which do the same.
func FuzzPagesWithHostileTexts(f *testing.F) {
	for _, seed := range []string{
		"x", `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `" hx-get="/admin" hx-trigger="load`, `'-alert(1)-'`, `</title></style></textarea><b>`,
		"javascript:alert(1)", "{{.}}", "${7*7}", "<!--", "]]>", "&lt;script&gt;", "\u202eevil", "\x00<b>", "\xff\xfe<i>", `x" autofocus onfocus="alert(1)`, "a\r\nSet-Cookie: b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.TrimSpace(text) == "" {
			return // nothing is shown otherwise than something
		}
		plain := pagesAbout("x")
		for name, page := range pagesAbout(text) {
			got, want := shape(t, page), shape(t, plain[name])
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Fatalf("%s with %q has %s, want %s", name, text, got[i], want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s with %q has %d elements, want %d", name, text, len(got), len(want))
			}
		}
	})
}
