package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// story is a desk in SQLite on which all has happened that can, and what the test asks for later.
type story struct {
	*desk
	good, ended []byte // hashes of an active and of an inactive key
	key         access.Key
	session     []byte
	link        []byte
}

func newStory(t *testing.T) *story {
	t.Helper()
	s := &story{desk: newSQLiteDesk(t)}
	s.must(s.InviteUser(t.Context(), s.root, access.Person{
		UserID: "carol", Name: "Élodie d'Arc", Email: "carol@example.com", Role: access.User,
	}, access.HashToken("invitation")))
	s.session, s.link = s.signInWith("alice", "firefox"), s.issue(s.root, "bob")
	s.key, s.good = s.makeKey(s.alice)
	_, err := s.RenameKey(t.Context(), s.alice, s.key.ID, "日本語 ❤️ \\N \"\t,")
	s.must(err)
	_, err = s.CreateKey(t.Context(), s.alice, s.fingerprint(), "form")
	s.must(err)
	ended, hash := s.makeKey(s.bob)
	s.ended = hash
	s.used(s.key.ID, s.Now(), "gateway", "192.0.2.1", 3, 0)
	s.unmerged(s.key.ID, s.Now().Add(90*time.Second), "", "2001:db8::1", 2, 0)
	_, err = s.DeactivateKey(t.Context(), s.root, ended.ID, "it was in a log")
	s.must(err)
	s.unmerged(ended.ID, s.Now().Add(time.Hour), "gateway", "192.0.2.1", 0, 7)
	s.must(s.DisableUser(t.Context(), s.root, "bob"))
	dave := s.addUser("dave")
	s.makeKey(dave)
	s.must(s.ChangeRole(t.Context(), s.root, "dave", access.Admin))
	s.must(s.GiveFeedback(t.Context(), s.alice, false, "What is a pepper?\nAnd why?"))
	s.passkey("dave", "blue key")
	s.must(s.MakeRecoveryCodes(t.Context(), dave, [][]byte{access.HashToken("1"), access.HashToken("2")}, "codes"))
	s.mustTry("alice", access.WrongPassword, "192.0.2.66", "", access.WrongPassword)
	s.mustTry("alice", access.WrongPassword, "192.0.2.67", "firefox", access.WrongPassword)
	return s
}

// pages returns what people see.
func (s *story) pages() string {
	s.t.Helper()
	ctx, all := s.t.Context(), strings.Builder{}
	see := func(values ...any) {
		s.t.Helper()
		if err, failed := values[len(values)-1].(error); failed {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&all, "%+v\n", values)
	}
	people, more, err := s.Users(ctx, s.root, "", "")
	see(people, more, err)
	found, more, err := s.Users(ctx, s.root, "él", "")
	see(found, more, err)
	for _, p := range people {
		keys, more, err := s.KeysOf(ctx, s.root, p.UserID, "")
		see(p.UserID, keys, more, err)
	}
	uses, err := s.KeyUses(ctx, s.root, s.key.ID)
	see(uses, err)
	used, next, err := s.LastUses(ctx, s.root, "")
	see(used, next, err)
	signIns, more, err := s.SignIns(ctx, s.root, 0)
	see(signIns, more, err)
	sessions, err := s.OwnSessions(ctx, s.alice, limits())
	see(sessions, err)
	links, err := s.OwnLinks(ctx, access.Actor{UserID: "carol", Role: access.User})
	see(links, err)
	tally, texts, err := s.Feedback(ctx, s.root)
	see(tally, texts, s.changes(), err)
	err = s.Export(ctx, s.operator, "", db.Export{
		Begin: nothing, Row: access.NewReport(s.Now()).Append,
		Write: func(part []byte, _ int) error { all.Write(part); return nil },
	})
	see(err)
	factor, err := s.SecondFactor(ctx, "dave")
	see(factor, err)
	return all.String()
}

// move moves the database of the desk, and opens the desk on the new one.
func (s *story) move(to string) db.Moved {
	s.t.Helper()
	s.close()
	return s.moveClosed(to)
}

// moveClosed is move for a desk that is closed.
func (s *story) moveClosed(to string) db.Moved {
	s.t.Helper()
	moved, err := db.Move(s.t.Context(), s.options(), to, func(int, int) {})
	s.must(err)
	s.path = to
	s.open()
	return moved
}

// sorted returns the rows of a table, with the columns by name: the two databases have them in another order.
func sorted(t *testing.T, conn dbtest.Outside, name string) string {
	t.Helper()
	return dbtest.Table(t, conn, `(SELECT `+strings.Join(columns(t, conn, name), ", ")+` FROM `+name+`) named`)
}

func TestMovedDatabaseHasEveryRow(t *testing.T) {
	s := newStory(t)
	from, to := s.path, pgtest.Database(t)
	moved := s.move(to)
	want := db.Moved{To: db.Shown(to), Users: 5, Keys: 4}
	if moved != want {
		t.Errorf("moved are %+v, want %+v", moved, want)
	}
	wantSound(t, verifiedAt(t, to, s.Secrets().Verifiers)) // AUD-4: what is moved is what the audit log says
	source, target := dbtest.Open(t, from), dbtest.Open(t, to)
	for _, name := range db.MovedTables() {
		there := sorted(t, source, name)
		if there == "" && name != "new_uses" && name != "made_up" {
			t.Errorf("the story has nothing in %s", name)
		}
		if got := sorted(t, target, name); got != there {
			t.Errorf("%s has\n%sin the source and\n%sin the target", name, there, got)
		}
	}
}

func TestMovedDatabaseGoesOn(t *testing.T) {
	s := newStory(t)
	s.merge()
	before := s.pages()
	s.move(pgtest.Database(t))
	if after := s.pages(); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
	if s.verdict(s.good) != access.Accepted || s.verdict(s.ended) != access.Deactivated || !s.alive(s.session) {
		t.Errorf("the keys are %s and %s, the session is alive: %t", s.verdict(s.good), s.verdict(s.ended), s.alive(s.session))
	}
	_, err := s.CreateKey(t.Context(), s.alice, s.fingerprint(), "form")
	wantRefusal(t, err, access.Clashes)
	s.wantDead("withdrawn when he was disabled", s.link)
	s.wantGood("of carol", access.HashToken("invitation"), "carol")

	key, hash := s.makeKey(s.alice)
	if s.verdict(hash) != access.Accepted || s.number(key.ID) != 5 {
		t.Errorf("a new key has the number %d, and is %s", s.number(key.ID), s.verdict(hash))
	}
	signIns, _, err := s.SignIns(t.Context(), s.root, 0)
	s.must(err)
	s.signIn("alice")
	now, _, err := s.SignIns(t.Context(), s.root, 0)
	if err != nil || len(now) != len(signIns)+1 || now[0].Number != signIns[0].Number+1 || !slices.Equal(now[1:], signIns) {
		t.Errorf("the sign-ins are %+v, %v, and were %+v", now, err, signIns)
	}
	s.unmerged(s.key.ID, s.Now().Add(time.Hour), "gateway", "192.0.2.1", 1, 0)
	s.unmerged(key.ID, s.Now().Add(2*time.Hour), "gateway", "192.0.2.1", 1, 0)
	s.merge()
	if s.lastUsed(s.alice, s.key.ID) != s.Now().Add(time.Hour) || s.lastUsed(s.alice, key.ID) != s.Now().Add(2*time.Hour) {
		t.Error("uses are lost")
	}
	s.deactivate(s.alice, s.key.ID)
	if s.verdict(s.good) != access.Deactivated {
		t.Error("a key cannot be deactivated")
	}
}

// What SQLite has given out and forgotten is not given out again either.
func TestMovedSignInsGoOnBehindTheForgottenOnes(t *testing.T) {
	s := newStory(t)
	dbtest.Exec(t, s.path, `DELETE FROM sign_ins`)
	s.move(pgtest.Database(t))
	s.signIn("alice")
	if got, _, err := s.SignIns(t.Context(), s.root, 0); err != nil || len(got) != 1 || got[0].Number != 4 {
		t.Errorf("the sign-ins are %+v, %v", got, err)
	}
}

func TestMovedMadeUpDataStaysMarked(t *testing.T) {
	s := &story{desk: deskAt(t, dbtest.NewFile(t))}
	s.fill(20, 3000, 1)
	moved := s.move(pgtest.Database(t))
	some, err := s.MadeUp(t.Context())
	if err != nil || !some || !moved.MadeUp || moved.Keys != 3000 || moved.Users != 20 {
		t.Errorf("marked: %t, %v, moved %+v", some, err, moved)
	}
}

// Rows are compared again while they are counted, and each is counted twice.
func TestMoveTellsHowFarItHasCome(t *testing.T) {
	s := newStory(t)
	s.close()
	last, all := 0, 0
	_, err := db.Move(t.Context(), s.options(), pgtest.Database(t), func(done, total int) {
		if done != last+1 || all != 0 && total != all {
			t.Errorf("%d of %d after %d of %d", done, total, last, all)
		}
		last, all = done, total
	})
	if err != nil || last != all || all < 40 || all%2 != 0 {
		t.Errorf("%d of %d, %v", last, all, err)
	}
}

// DUR-12: what an older program has made is brought up to date first.
func TestDatabaseOfTheFirstVersionIsMoved(t *testing.T) {
	v := newFirstVersion(t)
	s := &story{desk: v.desk}
	s.moveClosed(pgtest.Database(t))
	defer s.close()
	v.wantKept()
	if _, hash := s.makeKey(v.alice); s.verdict(hash) != access.Accepted {
		t.Error("a new key is not accepted")
	}
}
