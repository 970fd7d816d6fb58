package handlers_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// multipartForm returns a form as multipart/form-data.
func multipartForm(t *testing.T, form url.Values) (mediaType, body string) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for name, values := range form {
		for _, v := range values {
			if err := w.WriteField(name, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), out.String()
}

// posting is one way to ask for a new key.
type posting struct {
	name, query, mediaType, body string
}

const urlEncoded = "application/x-www-form-urlencoded"

// postings are the ways to say in a request for a new key what only the desk decides.
func postings(t *testing.T, forged url.Values) []posting {
	t.Helper()
	mixed, parts := multipartForm(t, forged)
	return []posting{
		{"nothing", "", "", ""},
		{"form", "", urlEncoded, forged.Encode()},
		{"form, twice", "", urlEncoded, forged.Encode() + "&" + forged.Encode()},
		{"query", "?" + forged.Encode(), "", ""},
		{"query and form", "?" + forged.Encode(), urlEncoded, forged.Encode()},
		{"multipart", "", mixed, parts},
		{"multipart and query", "?" + forged.Encode(), mixed, parts},
		{"JSON", "", "application/json", `{"user_id":"bob","owner":"bob","role":"user","actor":{"UserID":"bob","Role":"user"}}`},
		{"XML", "", "application/xml", `<key><user_id>bob</user_id><role>user</role></key>`},
		{"text", "", "text/plain", "user_id=bob\nrole=user"},
	}
}

// AZ-4, AZ-3: an administrator can never create a key, in no encoding, with no header, for nobody.
func TestAdministratorNeverMakesAKey(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	root := d.signIn("root")
	before := d.state()
	ways := map[string]*visitor{
		"page": root, "htmx": root.htmx(),
		"htmx boosted":     root.htmx().with("HX-Boosted", "true").with("HX-Target", "dialog"),
		"as alice":         root.with("X-Keydesk-User", "alice").with("X-Forwarded-User", "alice"),
		"with alice's key": root.with("Authorization", "Bearer "+secret).with("X-API-Key", secret),
		"method override":  root.with("X-HTTP-Method-Override", "GET"),
	}
	forged := url.Values{
		"user_id": {"alice"}, "user": {"alice"}, "owner": {"alice"}, "role": {"user"}, "once": {"1"}, "_method": {"PUT"},
	}
	for way, v := range ways {
		for _, p := range postings(t, forged) {
			t.Run(way+" "+p.name, func(t *testing.T) {
				got := v.send(http.MethodPost, "/profile/keys"+p.query, p.mediaType, p.body).is(http.StatusForbidden)
				if secretPattern.MatchString(got.body) || d.state() != before {
					t.Error("a key was made")
				}
			})
		}
	}
	for _, path := range []string{
		"/admin/users/alice", "/admin/users/alice/keys", "/admin/keys", "/profile/keys/", "/profile//keys", "/Profile/Keys", "/api/v1/keys",
	} {
		if got := root.post(path, forged); got.status < 400 || d.state() != before {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
}

func TestAdministratorsKeyPageSaysWhyItIsEmptyAndOffersNone(t *testing.T) {
	d := newDesk(t)
	page := d.signIn("root").get("/profile/keys").is(http.StatusOK).page()
	one(t, page, tag("p"), saying("Administrators have no API keys."))
	if n := len(all(page, with("action", "/profile/keys"))); n > 0 {
		t.Errorf("%d forms make a key", n)
	}
}

// AZ-4, SES-6: a user who becomes an administrator makes no key with the session of before.
func TestSessionOfBeforeAPromotionMakesNoKey(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	d.exec(`UPDATE users SET role = 'admin' WHERE id = 'alice'`)
	before := d.state()
	alice.post("/profile/keys", nil).leadsTo("/login")
	d.signIn("alice").post("/profile/keys", nil).is(http.StatusForbidden)
	if d.state() != before {
		t.Error("a key was made")
	}
}

// AZ-3: who asks for a key is its owner; nothing in the request says otherwise.
func TestKeyBelongsToWhoMadeIt(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	for _, p := range postings(t, url.Values{
		"user_id": {"bob"}, "owner": {"bob"}, "id": {"1"}, "name": {"root"}, "last4": {"0000"}, "hash": {"00"},
		"created_at": {"0"}, "deactivated_at": {"1"}, "deactivated_by": {"root"}, "reason": {"because"}, "role": {"admin"},
	}) {
		t.Run(p.name, func(t *testing.T) {
			d.later(time.Second)
			secret := alice.send(http.MethodPost, "/profile/keys"+p.query, p.mediaType, p.body).is(http.StatusOK).secret()
			got := value[string](d, `SELECT user_id || ' ' || last4 || ' ' || (created_at / 1000000) || ' ' || name || reason ||
				coalesce(CAST(deactivated_at AS TEXT), '') || coalesce(deactivated_by, '') FROM keys ORDER BY created_at DESC LIMIT 1`)
			want := "alice " + secret[len(secret)-4:] + " " + d.seconds() + " "
			if got != want {
				t.Errorf("kept %q, not %q", got, want)
			}
		})
	}
	if n := value[int](d, `SELECT count(*) FROM keys WHERE user_id <> 'alice'`); n > 0 {
		t.Errorf("%d keys of others", n)
	}
	if role := value[string](d, `SELECT role FROM users WHERE id = 'alice'`); role != "user" {
		t.Errorf("alice is %s", role)
	}
}
