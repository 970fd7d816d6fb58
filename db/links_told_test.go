package db_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// AZ-6, AZ-10: of several who use a link at the same time one sets the password.
func TestOfConcurrentUsesOfALinkOneWins(t *testing.T) {
	const rounds, users = 20, 4
	d := newDesk(t)
	for round := range rounds {
		link := d.issue(d.root, "alice")
		hash := func(i int) string { return fmt.Sprintf("of %d in round %d", i, round) } // never the same, as they are salted
		start, errs := make(chan struct{}), make([]error, users)
		var racing sync.WaitGroup
		for i := range users {
			racing.Go(func() {
				<-start
				errs[i] = d.UseLink(t.Context(), link, hash(i), from("192.0.2."+strconv.Itoa(i)))
			})
		}
		close(start)
		racing.Wait()
		won := slices.Index(errs, nil)
		for i, err := range errs {
			if i != won && access.Refused(err, access.NotFound) == nil {
				t.Fatalf("round %d: use %d ends with %v, and %d won", round, i, err, won)
			}
		}
		if won < 0 || d.passwordHash("alice") != hash(won) {
			t.Fatalf("round %d: %d won, and the password is %s", round, won, d.passwordHash("alice"))
		}
		used, err := d.OwnLinks(t.Context(), d.alice)
		if err != nil || used[0].UsedFrom != "192.0.2."+strconv.Itoa(won) {
			t.Fatalf("round %d: %+v, %v", round, used[0], err)
		}
		d.advance(time.Second)
	}
}

// AZ-6: who reads the database, or a backup, has no link.
func TestNoTokenIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	open, used, invite := access.NewToken(), access.NewToken(), access.NewToken()
	d.must(d.IssueLink(t.Context(), d.root, "alice", access.HashToken(open)))
	d.must(d.IssueLink(t.Context(), d.root, "bob", access.HashToken(used)))
	d.must(d.UseLink(t.Context(), access.HashToken(used), "y", from("")))
	carol := access.Person{UserID: "carol", Role: access.User}
	d.must(d.InviteUser(t.Context(), d.root, carol, access.HashToken(invite)))

	fresh := emptyDesk(t)
	setUp := access.NewToken()
	fresh.must(fresh.IssueSetUpLink(t.Context(), access.HashToken(setUp)))
	for _, row := range []struct {
		name, path, token string
	}{
		{"an open link", d.path, open},
		{"a used link", d.path, used},
		{"an invitation", d.path, invite},
		{"the set-up link", fresh.path, setUp},
	} {
		all := dbtest.Written(t, row.path)
		if !bytes.Contains(all, access.HashToken(row.token)) {
			t.Errorf("the hash of %s is not found: this test does not see what is written", row.name)
		}
		if bytes.Contains(all, []byte(row.token)) {
			t.Errorf("the token of %s is written down", row.name)
		}
	}
}

// newLinks returns who issued what the actor has not taken note of, and where it was used, newest first.
func (d *desk) newLinks(actor access.Actor) (from []string) {
	d.t.Helper()
	links, err := d.NewLinks(d.t.Context(), actor)
	d.must(err)
	for _, l := range links {
		from = append(from, l.IssuedBy+" "+l.IssuedFrom+" > "+l.UsedFrom)
	}
	return from
}

// AZ-6: the owner is told of every link until they take note, because who issued it could have used it.
func TestOwnerIsToldOfEveryLink(t *testing.T) {
	d := newDesk(t)
	told := func(want ...string) {
		t.Helper()
		if got := d.newLinks(d.alice); !slices.Equal(got, want) {
			t.Errorf("alice is told of %q, want %q", got, want)
		}
		visit, err := d.Session(t.Context(), d.signInWith("alice", "laptop"), limits())
		if err != nil || visit.NewLinks != (len(want) > 0) {
			t.Errorf("on every page she is told: %t, %v", visit.NewLinks, err)
		}
	}
	told()
	d.issue(d.root, "alice")
	told("root 192.0.2.9 > ")
	d.advance(time.Minute)
	link := d.issue(d.operator, "alice")
	told("(operator)  > ", "root 192.0.2.9 > ")
	d.must(d.UseLink(t.Context(), link, "y", from("198.51.100.7")))
	told("(operator)  > 198.51.100.7", "root 192.0.2.9 > ")
	if got := d.newLinks(d.bob); got != nil {
		t.Errorf("bob is told of %q", got)
	}
	d.must(d.NoteLinks(t.Context(), d.bob, d.Now())) // of none
	told("(operator)  > 198.51.100.7", "root 192.0.2.9 > ")
	d.must(d.NoteLinks(t.Context(), d.alice, d.Now()))
	told()
	d.advance(time.Minute)
	d.issue(d.root, "alice")
	told("root 192.0.2.9 > ")
	if all, err := d.OwnLinks(t.Context(), d.alice); err != nil || len(all) != 3 {
		t.Errorf("her profile lists %+v, %v", all, err)
	}
}

func TestProfileListsTheLatestLinks(t *testing.T) {
	d := newDesk(t)
	for range 32 {
		d.advance(time.Minute)
		d.issue(d.root, "alice")
	}
	links, err := d.OwnLinks(t.Context(), d.alice)
	if err != nil || len(links) != 30 || !links[0].IssuedAt.Equal(d.Now()) || !links[0].WithdrawnAt.IsZero() {
		t.Fatalf("%d links, %+v, %v", len(links), links, err)
	}
	for i := range links[1:] {
		if !links[i+1].IssuedAt.Equal(links[i].IssuedAt.Add(-time.Minute)) || !links[i+1].WithdrawnAt.Equal(links[i].IssuedAt) {
			t.Errorf("link %d is %+v, before %+v", i+1, links[i+1], links[i])
		}
	}
}

// AZ-6: whoever came in by a link cannot hide it from the owner of the account.
func TestIntruderCannotHideALink(t *testing.T) {
	d := newDesk(t)
	link := d.issue(d.root, "alice")
	d.must(d.NoteLinks(t.Context(), d.alice, d.Now())) // she was told of it
	d.advance(time.Minute)
	d.must(d.UseLink(t.Context(), link, "y", from("198.51.100.7")))
	if got := d.newLinks(d.alice); !slices.Equal(got, []string{"root 192.0.2.9 > 198.51.100.7"}) {
		t.Errorf("of its use she is told %q", got)
	}
	d.must(d.NoteLinks(t.Context(), d.alice, d.Now())) // the intruder
	for range 40 {
		d.advance(time.Minute)
		link = d.issue(d.root, "alice")
	}
	d.must(d.UseLink(t.Context(), link, "z", from("203.0.113.5")))
	got := d.newLinks(d.alice)
	if len(got) != 30 || got[0] != "root 192.0.2.9 > 203.0.113.5" || got[1] != "root 192.0.2.9 > 198.51.100.7" {
		t.Errorf("the owner, who is back, is told of %q", got)
	}
}

// AZ-6: who used a link and said that they know of it does not keep it from whoever signs in elsewhere, for a month.
func TestLinkIsToldInEveryNewBrowser(t *testing.T) {
	d := newDesk(t)
	intruder := from("198.51.100.7")
	intruder.Browser = access.HashToken("intruder")
	d.must(d.UseLink(t.Context(), d.issue(d.root, "alice"), "y", intruder))
	told := func(browser string, want int) {
		t.Helper()
		d.signInWith("alice", browser)
		if got := d.newLinks(d.alice); len(got) != want {
			t.Errorf("in the browser %q she is told of %q", browser, got)
		}
		d.must(d.NoteLinks(t.Context(), d.alice, d.Now()))
	}
	told("intruder", 1)
	told("intruder", 0)
	told("laptop", 1)
	told("laptop", 0)
	d.issue(d.root, "alice") // of which only that she does not know yet
	told("phone", 2)
	d.advance(access.LinkTold + time.Second)
	told("tablet", 0)
}

// AZ-6: what happens after a page was shown is not noted with it.
func TestOnlyWhatWasShownIsNoted(t *testing.T) {
	d := newDesk(t)
	d.issue(d.root, "alice")
	shown := d.Now()
	d.advance(time.Second)
	link := d.issue(d.root, "alice")
	d.must(d.NoteLinks(t.Context(), d.alice, shown))
	if got := d.newLinks(d.alice); !slices.Equal(got, []string{"root 192.0.2.9 > "}) {
		t.Errorf("of a later link she is told %q", got)
	}
	shown = d.Now()
	d.advance(time.Second)
	d.must(d.UseLink(t.Context(), link, "y", from("198.51.100.7")))
	d.must(d.NoteLinks(t.Context(), d.alice, shown))
	if got := d.newLinks(d.alice); !slices.Equal(got, []string{"root 192.0.2.9 > 198.51.100.7"}) {
		t.Errorf("of its later use she is told %q", got)
	}
}

// AZ-1
func TestLinksAreListedToWhoHasAnAccount(t *testing.T) {
	d := newDesk(t)
	for _, actor := range []access.Actor{{}, d.operator, {UserID: "alice"}} {
		_, err := d.OwnLinks(t.Context(), actor)
		wantRefusal(t, err, access.Denied)
		_, err = d.NewLinks(t.Context(), actor)
		wantRefusal(t, err, access.Denied)
	}
	wantRefusal(t, d.NoteLinks(t.Context(), d.operator, d.Now()), access.Denied)
	wantRefusal(t, d.NoteLinks(t.Context(), access.Actor{}, d.Now()), access.SignedOut)
}
