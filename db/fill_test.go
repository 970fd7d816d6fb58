package db_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// fill makes a crowd up in a database without anybody.
func (d *desk) fill(users, keys int, seed uint64) (made []access.Made) {
	d.t.Helper()
	c := access.Crowd{Users: users, Keys: keys, Seed: seed, Now: d.Now()}
	if err := d.Fill(d.t.Context(), c, access.DefaultPrefix, func(k access.Made) error { made = append(made, k); return nil }); err != nil {
		d.t.Fatal(err)
	}
	return made
}

// filled opens a file that is filled with a crowd, which only files are.
func filled(t *testing.T, users, keys int, seed uint64) (*desk, []access.Made) {
	t.Helper()
	d := deskAt(t, dbtest.NewFile(t))
	d.root = access.Actor{UserID: "root", Role: access.Admin}
	return d, d.fill(users, keys, seed)
}

func TestCrowdIsKeptAsMadeUp(t *testing.T) {
	d, made := filled(t, 20, 500, 1)
	if len(made) != 500 {
		t.Fatalf("%d keys were made up", len(made))
	}
	ended, used := 0, 0
	for _, m := range made {
		got, err := d.Key(t.Context(), d.root, m.ID)
		if err != nil || got != m.Key {
			t.Errorf("got %+v, %v, want %+v", got, err, m.Key)
		}
		want := access.Accepted
		if m.Status() == access.Inactive {
			want = access.Deactivated
			ended++
		}
		if verdict := d.verdict(d.Secrets().Pepper.Fingerprint(m.Secret).Hash); verdict != want {
			t.Errorf("the key is %s, want %s", verdict, want)
		}
		if !m.LastUsedAt.IsZero() {
			used++
		}
		if m.CreatedAt.After(d.Now()) || m.LastUsedAt.After(d.Now()) || m.DeactivatedAt.After(d.Now()) ||
			!m.LastUsedAt.IsZero() && m.LastUsedAt.Before(m.CreatedAt) || m.Status() == access.Inactive &&
			(m.DeactivatedAt.Before(m.CreatedAt) || m.LastUsedAt.After(m.DeactivatedAt)) {
			t.Errorf("the life of %+v is none", m.Key)
		}
	}
	if ended != 50 || used < 300 || used > 480 {
		t.Errorf("%d keys are inactive, %d were used", ended, used)
	}
	if some, err := d.MadeUp(t.Context()); err != nil || !some {
		t.Errorf("marked: %t, %v", some, err)
	}
	if loose := d.count(`SELECT count(*) FROM pragma_foreign_key_check`); loose != 0 {
		t.Errorf("%d rows refer to nothing", loose)
	}
	log := d.changes()
	want := access.Change{Number: 1, At: d.Now(), Actor: access.Operator, Action: access.MakeUp, Detail: "20 users, 500 keys"}
	if len(log) != 1 || log[0] != want {
		t.Errorf("the audit log is %+v, want %+v", log, want)
	}
}

func TestCrowdIsTheSameForASeed(t *testing.T) {
	bare := func(made []access.Made) (keys []access.Key) {
		for _, m := range made {
			m.Last4 = ""
			keys = append(keys, m.Key)
		}
		return keys
	}
	d, first := filled(t, 30, 300, 7)
	again, second := filled(t, 30, 300, 7)
	_, other := filled(t, 30, 300, 8)
	if !slices.Equal(bare(first), bare(second)) || slices.Equal(bare(first), bare(other)) {
		t.Error("the seed does not tell the keys")
	}
	if first[0].Secret.Reveal() == second[0].Secret.Reveal() {
		t.Error("the keys themselves are the same")
	}
	one, _, err := d.Users(t.Context(), d.root, "", "")
	two, _, err2 := again.Users(t.Context(), d.root, "", "")
	if err != nil || err2 != nil || !slices.Equal(one, two) || len(one) != 30 {
		t.Errorf("%d people, %v, and %d, %v", len(one), err, len(two), err2)
	}
}

func TestCrowdComesToAnEmptyDatabaseOnly(t *testing.T) {
	d := newSQLiteDesk(t)
	d.makeKey(d.alice)
	log := d.changes()
	never := func(access.Made) error { t.Error("a key was made up"); return nil }
	err := d.Fill(t.Context(), access.Crowd{Users: 1, Keys: 1, Now: d.Now()}, "kd_", never)
	wantRefusal(t, err, access.Clashes)
	some, err := d.MadeUp(t.Context())
	if after := d.changes(); err != nil || some || len(after) != len(log) {
		t.Errorf("marked: %t, %v, %d entries more", some, err, len(after)-len(log))
	}
}

func TestCrowdThatIsGivenUpLeavesNothing(t *testing.T) {
	d := deskAt(t, dbtest.NewFile(t))
	c, full := access.Crowd{Users: 3, Keys: 100, Now: d.Now()}, errors.New("disk full")
	n := 0
	if err := d.Fill(t.Context(), c, "kd_", func(access.Made) error {
		if n++; n == 50 {
			return full
		}
		return nil
	}); !errors.Is(err, full) {
		t.Errorf("full: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := d.Fill(ctx, c, "kd_", func(access.Made) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if some, err := d.AnyUser(t.Context()); err != nil || some {
		t.Errorf("somebody is left: %t, %v", some, err)
	}
	d.fill(3, 100, 1)
}

func TestMarkOfMadeUpDataStays(t *testing.T) {
	d, _ := filled(t, 1, 1, 1)
	if _, err := dbtest.Open(t, d.path).Exec(`DELETE FROM made_up`); err == nil {
		t.Error("it was taken away")
	}
	d.reopen()
	if some, err := d.MadeUp(t.Context()); err != nil || !some {
		t.Errorf("marked: %t, %v", some, err)
	}
}
