package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// numbers reads a history to its end and returns the numbers of its entries, and the sizes of its pages.
func numbers(t *testing.T, read func(before int64) ([]int64, bool, error)) (all []int64, pages []int) {
	t.Helper()
	before := int64(0)
	for more := true; more; {
		var page []int64
		var err error
		if page, more, err = read(before); err != nil {
			t.Fatal(err)
		}
		if len(pages) > 10 || more && len(page) == 0 {
			t.Fatalf("%d pages, the last of %d entries, and more to come", len(pages), len(page))
		}
		all, pages = append(all, page...), append(pages, len(page))
		if more {
			before = page[len(page)-1]
		}
	}
	return all, pages
}

func checkHistory(t *testing.T, want int, read func(before int64) ([]int64, bool, error)) {
	t.Helper()
	all, pages := numbers(t, read)
	if len(all) != want || len(pages) != (want+db.HistoryPage-1)/db.HistoryPage || pages[0] != db.HistoryPage {
		t.Fatalf("%d entries on pages of %v, want %d", len(all), pages, want)
	}
	for i, n := range all {
		if n != int64(want-i) {
			t.Fatalf("entry %d from the newest has number %d, want %d", i, n, want-i)
		}
	}
}

func TestChangesArePagedNewestFirst(t *testing.T) {
	d := newDesk(t)
	key, _ := d.makeKey(d.alice)
	read := func(before int64) (page []int64, more bool, err error) {
		changes, more, err := d.Changes(t.Context(), d.root, access.ChangeFilter{}, before)
		for _, c := range changes {
			page = append(page, c.Number)
		}
		return page, more, err
	}
	rename := func(n int) {
		if _, err := d.RenameKey(t.Context(), d.alice, key.ID, fmt.Sprint("name ", n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := 4; n < 2*db.HistoryPage; n++ {
		rename(n)
	}
	checkHistory(t, 2*db.HistoryPage, read)
	rename(0)
	checkHistory(t, 2*db.HistoryPage+1, read)
	if page, more, err := read(1); err != nil || more || len(page) != 0 {
		t.Errorf("before the first: %v, more: %t, %v", page, more, err)
	}
}

// AUD-9
func TestSignInsArePagedNewestFirst(t *testing.T) {
	d := newDesk(t)
	read := func(before int64) (page []int64, more bool, err error) {
		signIns, more, err := d.SignIns(t.Context(), d.root, before)
		for _, s := range signIns {
			page = append(page, s.Number)
		}
		return page, more, err
	}
	record := func() {
		d.advance(-time.Minute) // the order is that of the entries, not of the clock
		err := d.attempt(access.SignIn{UserID: access.UnknownUser, Outcome: access.UserUnknown})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * db.HistoryPage {
		record()
	}
	checkHistory(t, 2*db.HistoryPage, read)
	record()
	checkHistory(t, 2*db.HistoryPage+1, read)
}

// AUD-1, IO-5
func TestSignInsAreWrittenDownAsTheyEnded(t *testing.T) {
	d := newDesk(t)
	var want []access.SignIn
	for i, s := range []access.SignIn{
		{UserID: "alice", Address: "192.0.2.1", UserAgent: "curl/8", Outcome: access.WrongPassword},
		{UserID: access.UnknownUser, Address: "2001:db8::1", Outcome: access.UserUnknown},
		{UserID: "bob", Address: "192.0.2.1", UserAgent: "'; DROP TABLE sign_ins", Outcome: access.UserDisabled},
	} {
		d.advance(time.Second)
		if err := d.attempt(s); err != nil {
			t.Fatal(err)
		}
		s.Number, s.At = int64(i+1), d.Now()
		want = append([]access.SignIn{s}, want...)
	}
	got, more, err := d.SignIns(t.Context(), d.root, 0)
	if err != nil || more || len(got) != len(want) {
		t.Fatalf("got %+v, more: %t, %v", got, more, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("entry %+v, want %+v", got[i], want[i])
		}
	}
}

// AUTH-8, IO-5: a User ID is found by its one spelling, and by no pattern or piece of SQL.
func TestCredentials(t *testing.T) {
	d := newDesk(t)
	dbtest.Exec(t, d.path, `UPDATE users SET disabled_at = created_at, password_hash = 'y' WHERE id = 'bob'`)
	for id, want := range map[string]struct {
		hash    string
		role    access.Role
		enabled bool
	}{
		"alice": {"x", access.User, true}, "root": {"x", access.Admin, true}, "bob": {"y", access.User, false},
	} {
		p, hash, err := d.Credentials(t.Context(), id)
		if err != nil || p.UserID != id || hash != want.hash || p.Role != want.role || p.Enabled() != want.enabled {
			t.Errorf("%s: %+v, %q, %v", id, p, hash, err)
		}
	}
	for _, id := range []string{"", "nobody", "Alice", "alice ", "alice' OR '1'='1", access.Operator} {
		if p, hash, err := d.Credentials(t.Context(), id); err != nil || p != (access.Person{}) || hash != "" {
			t.Errorf("%q: %+v, %q, %v", id, p, hash, err)
		}
	}
}
