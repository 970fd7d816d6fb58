package main

import (
	"net/http"
	"net/url"
	"strings"
)

// squad are people who try out what a desk does at the moment.
type squad struct {
	d                  *desk
	alice, root        *visitor
	good, goodID, gone string // keys
	accepted           int    // verifies of the good one
	role               string // of bob
	state              int    // after the last change that was answered
}

func newSquad(d *desk) *squad {
	p := &squad{d: d, alice: d.signIn("alice"), root: d.signIn("root"), role: "user"}
	p.good, p.goodID = p.alice.newKey()
	return p
}

func (p *squad) moveTo(d *desk) {
	p.d, p.alice.desk, p.root.desk = d, d, d
	p.accepted = 0
}

// verifies checks that verify knows all keys.
func (p *squad) verifies() {
	p.d.t.Helper()
	if got := p.d.verify(p.gone); p.gone != "" && (got.status != http.StatusUnauthorized || !strings.Contains(got.body, `"deactivated"`)) {
		p.d.t.Fatalf("verify of a deactivated key: %d %s", got.status, got.body)
	}
	if got := p.d.verify(p.good); got.status != http.StatusOK {
		p.d.t.Fatalf("verify of a good key: %d %s", got.status, got.body)
	}
	p.accepted++
}

const squadState = `SELECT (SELECT number FROM audit_head) * 1000000 + (SELECT count(*) FROM keys WHERE deactivated_at IS NULL) * 1000
	+ (SELECT count(*) FROM sessions)`

// works checks that nothing has changed since the last time, and that everything is done that is asked for.
func (p *squad) works() {
	p.d.t.Helper()
	p.verifies()
	if is := p.d.count(squadState); p.state != 0 && is != p.state {
		p.d.t.Errorf("something was changed: %d, then %d", p.state, is)
	}
	var id string
	p.gone, id = p.alice.newKey()
	if got := p.d.verify(p.gone); got.status != http.StatusOK {
		p.d.t.Fatalf("verify of a new key: %d", got.status)
	}
	role := map[string]string{"user": "admin", "admin": "user"}[p.role]
	for path, form := range map[string]url.Values{
		"/profile/keys/" + id + "/deactivate": nil, "/admin/users/bob/role": {"role": {role}},
		"/login": {"user_id": {"alice"}, "password": {password}},
	} {
		v := p.alice
		if strings.HasPrefix(path, "/admin") {
			v = p.root
		}
		if got := v.post(path, form); got.status != http.StatusSeeOther {
			p.d.t.Fatalf("%s: %d %s", path, got.status, got.body)
		}
	}
	p.role, p.state = role, p.d.count(squadState)
	p.verifies()
}

// onlyReads checks that verify and pages answer, and that changes say that nothing was changed. That this is so shows when
// it works again.
func (p *squad) onlyReads() {
	p.d.t.Helper()
	for path, form := range map[string]url.Values{
		"/profile/keys": nil, "/profile/keys/" + p.goodID + "/deactivate": nil, "/profile/keys/" + p.goodID: {"name": {"CI"}},
		"/admin/users/alice/disable": nil, "/admin/users/alice/role": {"role": {"admin"}},
		"/login": {"user_id": {"bob"}, "password": {password}}, "/logout": nil,
		"/help/api-keys/feedback": {"helpful": {"yes"}},
	} {
		v := p.alice
		if strings.HasPrefix(path, "/admin") {
			v = p.root
		}
		got := v.post(path, form)
		if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, "Nothing was changed.") {
			p.d.t.Errorf("%s: %d %.400s", path, got.status, got.body)
		}
		p.verifies()
	}
	if got := p.alice.get("/profile/keys"); got.status != http.StatusOK {
		p.d.t.Errorf("the list of keys: %d", got.status)
	}
}

// allUsesAreKept waits until every verify of the good key since the start is written down.
func (p *squad) allUsesAreKept() {
	p.d.t.Helper()
	eventually(p.d.t, func() bool { return p.d.accepted(p.goodID) >= p.accepted })
}
