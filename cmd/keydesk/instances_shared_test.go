//go:build unix

package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/pgtest"
)

// shared is a database of alice, bob and root, the administrator, and the desks of several instances on it, in this process.
type shared struct {
	t      *testing.T
	common []string // flags of every command
	desks  []*desk
}

func newShared(t *testing.T, desks int, flags ...string) *shared {
	t.Helper()
	s := newEmptyShared(t)
	for id, role := range map[string]string{"alice": "user", "bob": "user", "root": "admin"} {
		args := append([]string{"user", "add", id, "--role=" + role, "--password-stdin"}, s.common...)
		if code, _, complaint := command(t, password, args...); code != 0 {
			t.Fatalf("user add: %s", complaint)
		}
	}
	s.serve(desks, flags...)
	return s
}

// newEmptyShared returns a database without anybody, which nobody serves.
func newEmptyShared(t *testing.T) *shared {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	mustWrite(t, file, access.NewRootSecret())
	return &shared{t: t, common: []string{"--database=" + pgtest.Database(t), "--secret-file=" + file}}
}

func (s *shared) serve(desks int, flags ...string) {
	s.t.Helper()
	for range desks {
		s.desks = append(s.desks, startDesk(s.t, "", slices.Concat(s.common, flags)...)) // the last --database goes
	}
}

// at returns the visitor at another desk, with the same cookies: those of a host are for all of its ports.
func (v *visitor) at(d *desk) *visitor { return &visitor{v.Client, d} }

// isIn tells whether the visitor is signed in at the desk.
func (v *visitor) isIn(d *desk) bool { return v.at(d).get("/profile").status == http.StatusOK }

// SES-1: what ends a session at one instance ends it at every other: the very next request there is refused.
func TestSessionThatEndsAtOneInstanceEndsAtEveryOther(t *testing.T) {
	s := newShared(t, 3)
	here, there := s.desks[0], s.desks[1]
	for name, end := range map[string]func(alice, root *visitor) reply{
		"sign-out":           func(alice, _ *visitor) reply { return alice.post("/logout", url.Values{}) },
		"all sessions ended": func(alice, _ *visitor) reply { return alice.post("/profile/sessions/end", url.Values{}) },
		"ended by root":      func(_, root *visitor) reply { return root.post("/admin/users/alice/sessions/end", url.Values{}) },
		"another role": func(_, root *visitor) reply {
			return root.post("/admin/users/alice/role", url.Values{"role": {"admin"}})
		},
		"disabled": func(_, root *visitor) reply {
			defer root.post("/admin/users/alice/enable", url.Values{})
			return root.post("/admin/users/alice/disable", url.Values{})
		},
	} {
		v, root := here.signIn("alice"), there.signIn("root")
		kept := v.copied(s.t)
		if !v.isIn(there) || !v.isIn(s.desks[2]) {
			t.Errorf("%s: the session of one instance is not good at the others", name)
		}
		if got := end(v.at(there), root); got.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
		for n, d := range s.desks {
			if kept.isIn(d) {
				t.Errorf("%s: the session goes on at instance %d", name, n)
			}
		}
	}
}

// copied returns a visitor with the cookies that this one has now.
func (v *visitor) copied(t *testing.T) *visitor {
	t.Helper()
	at, err := url.Parse(v.desk.url)
	if err != nil {
		t.Fatal(err)
	}
	other := v.desk.visitor()
	other.Jar.SetCookies(at, v.Jar.Cookies(at))
	return other
}

// DUR-1: disabling a person deactivates their keys, and every instance refuses these from the answer on.
func TestKeysOfWhoIsDisabledAreRefusedByEveryInstance(t *testing.T) {
	s := newShared(t, 3)
	secret, _ := s.desks[0].signIn("alice").newKey()
	for n, d := range s.desks {
		if got := d.verify(secret); got.status != http.StatusOK {
			t.Errorf("instance %d: %d %s", n, got.status, got.body)
		}
	}
	s.desks[1].signIn("root").post("/admin/users/alice/disable", url.Values{})
	for n, d := range s.desks {
		if got := d.verify(secret); got.status != http.StatusUnauthorized || !strings.Contains(got.body, `"deactivated"`) {
			t.Errorf("instance %d: %d %s", n, got.status, got.body)
		}
	}
}

// KEY-7: the limit of active keys is one for all instances.
func TestInstancesTogetherMakeNoKeyTooMany(t *testing.T) {
	s := newShared(t, 3, "--max-keys=5")
	alice := s.desks[0].signIn("alice")
	var made sync.WaitGroup
	answers := make([]int, 20)
	for n := range answers {
		made.Go(func() { answers[n] = alice.at(s.desks[n%3]).post("/profile/keys", url.Values{}).status })
	}
	made.Wait()
	count := map[int]int{}
	for _, status := range answers {
		count[status]++
	}
	if count[http.StatusOK] != 5 || count[http.StatusConflict] != 15 {
		t.Errorf("keys made and refused: %v", count)
	}
}

var setUpPattern = regexp.MustCompile(`/setup\?token=(\S+)`)

// AZ-3: of those who open the set-up links of two instances at the same time, one becomes the first administrator.
func TestOneOfTwoSetUpsWins(t *testing.T) {
	s := newEmptyShared(t)
	s.serve(2)
	var both sync.WaitGroup
	names, answers := []string{"root", "chief"}, make([]reply, 2)
	for n, d := range s.desks {
		found := setUpPattern.FindStringSubmatch(d.out.String())
		if found == nil {
			t.Fatalf("no set-up link: %s", d.out)
		}
		form := url.Values{"token": {found[1]}, "user_id": {names[n]}, "password": {password}}
		both.Go(func() { answers[n] = d.visitor().post("/setup", form) })
	}
	both.Wait()
	won := 0
	for n, got := range answers {
		switch {
		case got.status == http.StatusSeeOther && got.header.Get("Location") == "/login?note=set-up":
			won++
			s.desks[1-n].signIn(names[n])
		case got.status != http.StatusNotFound || !strings.Contains(got.body, "no longer good"):
			t.Errorf("instance %d: %d %s", n, got.status, got.body)
		}
	}
	_, list, _ := command(t, "", append([]string{"user", "list"}, s.common[0])...)
	if won != 1 || strings.Count(list, "admin") != 1 {
		t.Errorf("%d won; the users are %s", won, list)
	}
}
