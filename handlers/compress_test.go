package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// REV-7: what carries a secret is not compressed, so that its length tells nothing of it. What is only read is.
func TestSecretsAreNotCompressed(t *testing.T) {
	d := newDesk(t)
	alice, root := d.signIn("alice").with("Accept-Encoding", "gzip"), d.signIn("root").with("Accept-Encoding", "gzip")
	token := access.NewToken()
	d.must(d.db.IssueLink(t.Context(), access.Actor{UserID: "root"}, "alice", access.HashToken(token)))
	for name, got := range map[string]reply{
		"reveal page":   alice.post("/profile/keys", url.Values{}),
		"reveal dialog": alice.htmx().post("/profile/keys", url.Values{}),
		"link":          root.post("/admin/users/bob/reset", url.Values{}),
		"set password":  d.visitor().with("Accept-Encoding", "gzip").get("/set-password?token=" + token),
		"report":        root.get("/admin/users/export.csv"),
	} {
		if got.is(http.StatusOK).header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed", name)
		}
	}
	for name, got := range map[string]reply{
		"own keys": alice.get("/profile/keys"), "users": root.get("/admin/users"), "help": alice.get("/help/api-keys"),
	} {
		if got.is(http.StatusOK).header.Get("Content-Encoding") != "gzip" || got.header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s is not compressed", name)
		}
	}
}
