package db_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// oldVersion is a database as an older version of the program left it.
type oldVersion struct {
	*desk
	dbtest.Old
}

const scripts = "migrations/sqlite"

func newFirstVersion(t *testing.T) *oldVersion {
	t.Helper()
	return newOldVersion(t, 1)
}

func newOldVersion(t *testing.T, version int) *oldVersion {
	t.Helper()
	v := &oldVersion{desk: &desk{
		t: t, path: dbtest.NewFile(t), digits: access.NewRootSecret(), operator: access.TheOperator(),
		alice: access.Actor{UserID: "alice", Role: access.User}, root: asAdmin("root"),
	}}
	v.set(time.Date(2025, time.June, 1, 8, 0, 1, 0, time.UTC))
	v.Old = dbtest.NewOld(t, v.path, v.digits, scripts, version, 0)
	return v
}

// wantKept fails the test unless people, keys and histories are those of before.
func (v *oldVersion) wantKept() {
	v.t.Helper()
	live := access.Key{
		ID: dbtest.LiveID, Number: 1, UserID: "alice", Name: "CI", Last4: v.Live.Last4, CreatedAt: v.Made, LastUsedAt: v.Touched,
	}
	dead := access.Key{
		ID: dbtest.DeadID, Number: 2, UserID: "alice", Last4: v.Dead.Last4, CreatedAt: v.Made, DeactivatedAt: v.Touched, DeactivatedBy: "root",
		Reason: "leaked",
	}
	for _, want := range []access.Key{live, dead} {
		if got, err := v.OwnKey(v.t.Context(), v.alice, want.ID); err != nil || got != want {
			v.t.Errorf("the key is %+v, %v, want %+v", got, err, want)
		}
	}
	if v.verdict(v.Live.Hash) != access.Accepted || v.verdict(v.Dead.Hash) != access.Deactivated {
		v.t.Errorf("the keys are %s and %s", v.verdict(v.Live.Hash), v.verdict(v.Dead.Hash))
	}
	for _, want := range []access.Person{
		{
			UserID: "alice", Name: "Alice", Email: "alice@example.com", Role: access.User, CreatedAt: v.Made,
			LastSignInAt: v.Touched, ActiveKeys: 1,
		},
		{UserID: "carol", Role: access.User, CreatedAt: v.Made, DisabledAt: v.Touched},
		{UserID: "root", Role: access.Admin, CreatedAt: v.Made},
	} {
		if got := v.person(want.UserID); got != want {
			v.t.Errorf("got %+v, want %+v", got, want)
		}
	}
	signIn := access.SignIn{
		Number: 1, At: v.Touched, UserID: "alice", Address: "192.0.2.1", UserAgent: "curl/8", Outcome: access.SignedIn,
	}
	if got, _, err := v.SignIns(v.t.Context(), v.root, 0); err != nil || len(got) != 1 || got[0] != signIn {
		v.t.Errorf("the sign-ins are %+v, %v, want %+v", got, err, signIn)
	}
	entry := access.Change{
		Number: 1, At: v.Made, Actor: "alice", Address: "192.0.2.1", Action: access.CreateKey, UserID: "alice", KeyID: dbtest.LiveID,
		Last4: v.Live.Last4,
	}
	// The session key of then has served its time.
	got := slices.DeleteFunc(v.changes(), func(c access.Change) bool { return c.Action == access.RenewSecrets })
	if len(got) != 2 || got[1] != entry || got[0].Action != access.BeginLog {
		v.t.Errorf("the changes are %+v, want %+v and the beginning of the tree", got, entry)
	}
	if v.passwordHash("alice") != "x" || v.passwordHash("root") != "z" {
		v.t.Errorf("the passwords are %s and %s", v.passwordHash("alice"), v.passwordHash("root"))
	}
}

// DUR-12: an update loses nobody and no key; everybody signs in once more.
func TestDatabaseOfTheFirstVersionGoesOn(t *testing.T) {
	v := newFirstVersion(t)
	v.open()
	defer func() { _ = v.Close() }()
	v.wantKept()
	if v.alive(v.Session) {
		t.Error("the session of before is alive")
	}
	v.reopen()
	v.wantKept()

	for _, text := range []string{"a", "ali", "alice", "alice@e"} {
		if got := v.found(text); len(got) != 1 || got[0] != "alice" {
			t.Errorf("%q finds %v", text, got)
		}
	}

	_, err := v.CreateKey(t.Context(), v.alice, v.fingerprint(), "form-1")
	wantRefusal(t, err, access.Clashes) // the form was used in the first version
	if _, hash := v.makeKey(v.alice); v.verdict(hash) != access.Accepted {
		t.Error("a new key is not accepted")
	}
	if !v.alive(v.signIn("alice")) {
		t.Error("who signs in is not signed in")
	}
	v.wantGood("of alice", v.issue(v.root, "alice"), "alice")
	v.must(v.ChangeRole(t.Context(), v.root, "alice", access.Admin))
	if v.verdict(v.Live.Hash) != access.Deactivated {
		t.Errorf("the key of an administrator is %s", v.verdict(v.Live.Hash))
	}
	wantRefusal(t, v.IssueSetUpLink(t.Context(), access.HashToken("t")), access.NotFound)
}

// DUR-12: a migration that cannot be done leaves the database as it was, for the program of before or a second try.
func TestMigrationThatFailsChangesNothing(t *testing.T) {
	v := newFirstVersion(t)
	dbtest.Exec(t, v.path, `CREATE TABLE feedback (mine TEXT)`) // in the way of one that comes late in the migration
	schema := v.schema()
	if opened, err := db.Open(t.Context(), v.options()); err == nil {
		_ = opened.Close()
		t.Fatal("it was opened")
	}
	if got := v.schema(); got != schema {
		t.Errorf("before\n%safter\n%s", schema, got)
	}
	dbtest.Exec(t, v.path, `DROP TABLE feedback`)
	v.open()
	defer func() { _ = v.Close() }()
	v.wantKept()
}

// schema returns how the tables are made, the migrations that were run, and the session of before.
func (v *oldVersion) schema() string {
	v.t.Helper()
	conn := dbtest.Open(v.t, v.path)
	defer func() { _ = conn.Close() }()
	return dbtest.Table(v.t, conn, `sqlite_master`) + dbtest.Table(v.t, conn, `goose_db_version`) + dbtest.Table(v.t, conn, `sessions`)
}

// DUR-12: what only reads, beside a program of before that writes, migrates nothing.
func TestDatabaseOfTheFirstVersionIsNotReadAsIfItWereNew(t *testing.T) {
	v := newFirstVersion(t)
	before := sum(t, v.path)
	if _, err := db.OpenToRead(t.Context(), v.path, v.now); !errors.Is(err, db.ErrOlder) {
		t.Errorf("got %v", err)
	}
	if sum(t, v.path) != before {
		t.Error("the file has changed")
	}
	v.open()
	defer v.close()
	reader, err := db.OpenToRead(t.Context(), v.path, v.now)
	v.must(err)
	exported := 0
	err = reader.Export(t.Context(), v.operator, "", reading(nothing, func(access.Key) error { exported++; return nil }))
	if err != nil || exported != 2 {
		t.Errorf("exported are %d keys, %v", exported, err)
	}
	v.must(reader.Close())
}
