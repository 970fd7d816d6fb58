package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
)

// IN-1: text that is none, or that a database cannot keep, finds nothing, whichever database that is.
func TestTextThatNoDatabaseKeepsFindsNothing(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	before := d.state()
	for _, odd := range []string{"\x00", "\xff\xfe", "a\x00b", "\xed\xa0\x80", key + "\x00"} {
		id := url.PathEscape(odd)
		alice.post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusNotFound)
		alice.post("/profile/keys/"+id, url.Values{"name": {"x"}}).is(http.StatusNotFound)
		alice.get("/profile/keys/" + id + "/uses").is(http.StatusNotFound)
		alice.get("/profile/keys?after=" + url.QueryEscape(odd)).is(http.StatusNotFound)
		alice.post("/profile/sessions/"+id+"/end", nil).is(http.StatusNotFound)
		root.get("/admin/users/" + id).is(http.StatusNotFound)
		root.post("/admin/users/"+id+"/role", url.Values{"role": {"admin"}}).is(http.StatusNotFound)
		root.post("/admin/keys/"+id+"/deactivate", url.Values{"reason": {"x"}}).is(http.StatusNotFound)
		root.get("/admin/users?q=" + url.QueryEscape(odd)).is(http.StatusOK)
		root.get("/admin/users?after=" + url.QueryEscape(odd)).is(http.StatusOK)
		root.get("/admin/history?tab=changes&person=" + url.QueryEscape(odd)).is(http.StatusOK)
		d.visitor().post("/login", login(odd, password)).is(http.StatusUnprocessableEntity)
		d.visitor().with("User-Agent", "curl \xff\xfe").post("/login", login("alice", "no")).is(http.StatusUnprocessableEntity)
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}
