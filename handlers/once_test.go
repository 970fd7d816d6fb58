package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func (d *desk) keyCount() int {
	d.t.Helper()
	return value[int](d, `SELECT count(*) FROM keys`)
}

// REV-6: a double click, a retry or a reload makes one key and shows it once.
func TestFormMakesOneKey(t *testing.T) {
	for way, as := range map[string]func(*visitor) *visitor{
		"page": func(v *visitor) *visitor { return v }, "htmx": (*visitor).htmx,
	} {
		t.Run(way, func(t *testing.T) {
			d := newDesk(t)
			alice := as(d.signIn("alice"))
			once := attr(one(t, alice.get("/profile/keys").page(), tag("input"), id("once")), "value")
			if len(once) < 22 { // 128 bits in base64
				t.Fatalf("once is %q", once)
			}
			form := url.Values{"once": {once}}
			alice.post("/profile/keys", form).is(http.StatusOK).secret()
			before := d.state()
			again := alice.post("/profile/keys", form).is(http.StatusConflict)
			if secretPattern.MatchString(again.body) || d.state() != before || d.keyCount() != 1 {
				t.Errorf("made another key: %s", again.body)
			}
			if !strings.Contains(again.body, "This form has already made a key") {
				t.Errorf("does not say why: %s", again.body)
			}
		})
	}
}

func TestEveryPageOfKeysHasAFormOfItsOwn(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	once := func() string {
		return attr(one(t, alice.get("/profile/keys").page(), tag("input"), id("once")), "value")
	}
	if first := once(); first == once() {
		t.Errorf("two pages carry %s", first)
	}
}

// REV-6: what is used once is used by one user.
func TestFormOfOneUserDoesNotUseUpAnothers(t *testing.T) {
	d := newDesk(t)
	form := url.Values{"once": {"the same"}}
	d.signIn("alice").post("/profile/keys", form).is(http.StatusOK)
	d.signIn("bob").post("/profile/keys", form).is(http.StatusOK)
}

func TestEveryPostWithoutAFormMakesAKey(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	seen := map[string]bool{}
	for _, form := range []url.Values{nil, {}, {"once": {""}}} {
		seen[alice.post("/profile/keys", form).is(http.StatusOK).secret()] = true
	}
	if len(seen) != 3 || d.keyCount() != 3 {
		t.Errorf("%d keys shown, %d kept", len(seen), d.keyCount())
	}
}

func TestFormThatWasNotMadeHereMakesNoKey(t *testing.T) {
	d := newDesk(t)
	d.signIn("alice").post("/profile/keys", url.Values{"once": {strings.Repeat("x", 65)}}).is(http.StatusUnprocessableEntity)
	if d.keyCount() != 0 {
		t.Error("a key was made")
	}
}

func TestSavingANewKeyBringsAFormForTheNext(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice").htmx()
	form := url.Values{"once": {"used"}}
	made := alice.post("/profile/keys", form).is(http.StatusOK)
	ok := attr(one(t, made.fragment(), tag("form")), "hx-post")
	fresh := one(t, alice.post(ok, nil).is(http.StatusOK).fragment(), tag("input"), id("once"), with("hx-swap-oob", "true"))
	form.Set("once", attr(fresh, "value"))
	alice.post("/profile/keys", form).is(http.StatusOK).secret()
	alice.post("/profile/keys", form).is(http.StatusConflict)
}

// REV-6: a key whose answer was lost is in the list, never used, to be deactivated; nothing shows it again.
func TestKeyWhoseAnswerWasLostIsThereToBeDeactivated(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	lost := alice.post("/profile/keys", url.Values{"once": {"1"}}).secret()
	list := alice.get("/profile/keys").is(http.StatusOK)
	row := one(t, one(t, list.page(), tag("tbody")), tag("tr"))
	if used := text(one(t, row, with("data-label", "Last used"))); used != "never" || strings.Contains(list.body, lost) {
		t.Errorf("the row says %q", text(row))
	}
	end := attr(one(t, row, tag("form"), with("method", "get")), "action")
	alice.post(end, nil).is(http.StatusSeeOther)
	refusedWith(t, d.verify(http.MethodGet, "", bearer(lost)), "deactivated")
}
