package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

const feedbackPath = "/help/api-keys/feedback"

func TestHelpHasAnAnchorForEachStep(t *testing.T) {
	d := newDesk(t)
	page := d.signIn("alice").get("/help/api-keys").is(http.StatusOK).page()
	for _, anchor := range []string{"what", "make", "save", "use", "uses", "retire", "who", "accounts", "report", "feedback"} {
		one(t, page, with("id", anchor))
		one(t, page, tag("a"), with("href", "#"+anchor))
	}
}

// TestActionsLeadToTheirHelp: each link leads to a part that is there.
func TestActionsLeadToTheirHelp(t *testing.T) {
	d := newDesk(t)
	secretKey, id := d.newKey("alice")
	if secretKey == "" {
		t.Fatal("no key")
	}
	alice, root := d.signIn("alice"), d.signIn("root")
	article := alice.get("/help/api-keys").page()
	for name, row := range map[string]struct {
		answer reply
		anchor string
	}{
		"new key":      {alice.get("/profile/keys"), "make"},
		"the reveal":   {alice.post("/profile/keys", url.Values{}), "save"},
		"deactivate":   {alice.get("/profile/keys/" + id + "/deactivate"), "retire"},
		"manage users": {root.get("/admin/users"), "accounts"},
		"export":       {root.get("/admin/users"), "report"},
		"a user":       {root.get("/admin/users/alice"), "accounts"},
	} {
		one(t, row.answer.is(http.StatusOK).page(), tag("a"), with("href", "/help/api-keys#"+row.anchor))
		if len(all(article, with("id", row.anchor))) != 1 {
			t.Errorf("%s: the help has no part %q", name, row.anchor)
		}
	}
}

func TestFeedbackIsKeptAndSeenByAdministratorsOnly(t *testing.T) {
	d := newDesk(t)
	alice, root := d.signIn("alice"), d.signIn("root")
	alice.post(feedbackPath, url.Values{"helpful": {"yes"}}).leadsTo("/help/api-keys#feedback")
	d.signIn("bob").post(feedbackPath, url.Values{"helpful": {"no"}, "text": {"Say more\r\nabout <b>rotation</b>"}})
	page := root.get("/help/api-keys").page()
	seen := text(one(t, page, with("id", "answers")))
	for _, want := range []string{"1 of 2 people found it helpful", "bob", "Say more about <b>rotation</b>"} {
		if !strings.Contains(seen, want) {
			t.Errorf("%q is not in %q", want, seen)
		}
	}
	if len(all(alice.get("/help/api-keys").page(), with("id", "answers"))) != 0 {
		t.Error("a user sees what others say")
	}
	alice.post(feedbackPath, url.Values{"helpful": {"no"}}) // the last word counts
	seen = text(one(t, root.get("/help/api-keys").page(), with("id", "answers")))
	if !strings.Contains(seen, "0 of 2 people found it helpful") {
		t.Errorf("after a change of mind: %q", seen)
	}
}

func TestNoAsksWhatIsMissing(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice")
	if len(all(v.get("/help/api-keys").page(), tag("textarea"))) != 0 {
		t.Error("the text field is there before the answer")
	}
	yes := v.htmx().post(feedbackPath, url.Values{"helpful": {"yes"}}).is(http.StatusOK).fragment()
	if len(all(yes, tag("textarea"))) != 0 {
		t.Error("the text field is there after a yes")
	}
	no := v.htmx().post(feedbackPath, url.Values{"helpful": {"no"}}).is(http.StatusOK).fragment()
	one(t, no, tag("textarea"), with("name", "text"))
}

func TestRefusedFeedbackKeepsWhatWasTyped(t *testing.T) {
	d := newDesk(t)
	v := d.signIn("alice")
	secret, _ := d.newKey("alice")
	for typed, says := range map[string]string{
		strings.Repeat("x", 1001): "at most 1,000 characters",
		"hidden \u202e text":      "U+202E",
		"my key is " + secret:     "API key",
	} {
		before := d.state()
		page := v.post(feedbackPath, url.Values{"helpful": {"no"}, "text": {typed}}).is(http.StatusUnprocessableEntity).page()
		if got := text(one(t, page, tag("textarea"))); got != access.MaskSecrets(typed) {
			t.Errorf("%q became %q", typed, got)
		}
		if got := text(one(t, page, with("id", "text-error"))); !strings.Contains(got, says) {
			t.Errorf("%q is refused with %q", typed, got)
		}
		if d.state() != before {
			t.Errorf("%q changed something", typed)
		}
	}
	v.post(feedbackPath, url.Values{"helpful": {"maybe"}}).is(http.StatusUnprocessableEntity)
	v.post(feedbackPath, url.Values{}).is(http.StatusUnprocessableEntity)
}
