package db_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// pagesOf returns the ids on each page that read returns, following the last one of each.
func pagesOf(t *testing.T, read func(after string) ([]access.Key, bool, error)) (pages [][]string) {
	t.Helper()
	after := ""
	for more := true; more; {
		var keys []access.Key
		var err error
		if keys, more, err = read(after); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, key := range keys {
			ids = append(ids, key.ID)
		}
		pages = append(pages, ids)
		if len(pages) > 10 || more && len(ids) == 0 {
			t.Fatalf("%d pages, the last of %d keys, and more to come", len(pages), len(ids))
		}
		if more {
			after = ids[len(ids)-1]
		}
	}
	return pages
}

// Most of the keys are made at the same microsecond: the page must still neither skip nor repeat one.
func TestKeysArePagedNewestFirst(t *testing.T) {
	d := newDesk(t)
	var made []string
	for i := range 2*db.KeyPage + 30 {
		key, _ := d.makeKey(d.alice)
		made = append(made, key.ID)
		if i >= db.KeyPage+50 && i%10 == 0 {
			d.advance(time.Second)
		}
	}
	for range 3 {
		d.makeKey(d.bob)
	}
	slices.Reverse(made)
	for name, read := range map[string]func(string) ([]access.Key, bool, error){
		"own": func(after string) ([]access.Key, bool, error) { return d.OwnKeys(t.Context(), d.alice, after) },
		"an administrator's view": func(after string) ([]access.Key, bool, error) {
			return d.KeysOf(t.Context(), d.root, "alice", after)
		},
	} {
		pages := pagesOf(t, read)
		if len(pages) != 3 || len(pages[0]) != db.KeyPage || len(pages[1]) != db.KeyPage {
			t.Errorf("%s: %d pages, the first of %d", name, len(pages), len(pages[0]))
		}
		if !slices.Equal(slices.Concat(pages...), made) {
			t.Errorf("%s: the pages do not hold every key once, newest first", name)
		}
	}
}

func TestFullPageIsTheLastWhenNothingFollows(t *testing.T) {
	d := newDesk(t)
	for range db.KeyPage {
		d.makeKey(d.alice)
	}
	if keys, more, err := d.OwnKeys(t.Context(), d.alice, ""); err != nil || len(keys) != db.KeyPage || more {
		t.Errorf("%d keys, more: %t, %v", len(keys), more, err)
	}
	d.makeKey(d.alice)
	if keys, more, err := d.OwnKeys(t.Context(), d.alice, ""); err != nil || len(keys) != db.KeyPage || !more {
		t.Errorf("with one key more: %d keys, more: %t, %v", len(keys), more, err)
	}
}

// A key made or deactivated between two pages moves nothing on the second.
func TestPagesHoldWhileKeysChange(t *testing.T) {
	d := newDesk(t)
	var made []string
	for range db.KeyPage + 2 {
		key, _ := d.makeKey(d.alice)
		made = append(made, key.ID)
	}
	keys, _, err := d.OwnKeys(t.Context(), d.alice, "")
	if err != nil {
		t.Fatal(err)
	}
	last := keys[len(keys)-1].ID
	d.makeKey(d.alice)
	d.deactivate(d.alice, last)
	rest, more, err := d.OwnKeys(t.Context(), d.alice, last)
	if err != nil || more || len(rest) != 2 || rest[0].ID != made[1] || rest[1].ID != made[0] {
		t.Errorf("the second page is %v, more: %t, %v", rest, more, err)
	}
}

// AZ-2: the cursor tells nothing of another's keys.
func TestCursorOfAnotherIsNotThere(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.bob)
	key, _ := d.makeKey(d.alice)
	for _, after := range []string{key.ID, "no such key"} {
		if keys, more, err := d.OwnKeys(t.Context(), d.bob, after); !errors.Is(err, access.ErrNotFound) || more || keys != nil {
			t.Errorf("after %s: %v, more: %t, %v", after, keys, more, err)
		}
	}
}

func TestNoKeysAreAnEmptyPage(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	if keys, more, err := d.OwnKeys(t.Context(), d.bob, ""); err != nil || more || len(keys) != 0 {
		t.Errorf("bob's: %v, more: %t, %v", keys, more, err)
	}
	if keys, more, err := d.KeysOf(t.Context(), d.root, "nobody", ""); err != nil || more || len(keys) != 0 {
		t.Errorf("nobody's: %v, more: %t, %v", keys, more, err)
	}
}
