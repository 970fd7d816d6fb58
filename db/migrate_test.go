package db_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// firstVersion is a database as the first version of the program left it: alice with an active key that was used and
// one that root deactivated, carol disabled, root, a session, a sign-in, and the audit log.
type firstVersion struct {
	*desk
	live, dead    access.Fingerprint
	session       []byte
	made, touched time.Time
}

func newFirstVersion(t *testing.T) *firstVersion {
	t.Helper()
	v := &firstVersion{
		desk: &desk{
			t: t, path: dbtest.NewFile(t), digits: access.NewRootSecret(), operator: access.TheOperator(),
			alice: access.Actor{UserID: "alice", Role: access.User}, root: asAdmin("root"),
		},
		session: access.HashToken("of the first version"),
		made:    time.Date(2025, time.May, 1, 8, 0, 0, 123456000, time.UTC),
		touched: time.Date(2025, time.June, 1, 8, 0, 0, 654321000, time.UTC),
	}
	v.set(time.Date(2025, time.June, 1, 8, 0, 1, 0, time.UTC))
	v.migrateTo(1)
	v.fill()
	return v
}

// migrateTo runs the first migrations alone, as the program of then would.
func (v *firstVersion) migrateTo(version int) {
	v.t.Helper()
	files := fstest.MapFS{}
	names, err := filepath.Glob("migrations/sqlite/*.sql")
	v.must(err)
	for _, name := range names[:version] {
		script, err := os.ReadFile(name)
		v.must(err)
		files[filepath.Base(name)] = &fstest.MapFile{Data: script}
	}
	v.must(os.WriteFile(v.path, nil, 0o600))
	conn := dbtest.Open(v.t, v.path)
	if _, err := conn.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		v.t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, conn.DB.DB, files)
	v.must(err)
	_, err = provider.Up(v.t.Context())
	v.must(err)
	v.must(conn.Close())
}

func (v *firstVersion) fill() {
	v.t.Helper()
	root, err := access.ParseRootSecret(v.digits)
	v.must(err)
	made, touched := v.made.UnixMicro(), v.touched.UnixMicro()
	pepper := bytes.Repeat([]byte("pepper 1"), 8) // 64 bytes, of which the first 32 are the key
	v.live = access.NewPepper("p1", pepper[:32]).Fingerprint(access.NewSecret("kd_"))
	v.dead = access.NewPepper("p1", pepper[:32]).Fingerprint(access.NewSecret("kd_"))
	dbtest.Exec(v.t, v.path, `INSERT INTO secrets (id, kind, sealed, created_at) VALUES ('p1', 'pepper', ?, ?), ('s1', 'session', ?, ?)`,
		root.Seal("pepper p1", pepper), made, root.Seal("session s1", bytes.Repeat([]byte("session1"), 8)), made)
	dbtest.Exec(v.t, v.path, `INSERT INTO users (id, name, name_folded, email, role, password_hash, created_at, disabled_at,
		last_sign_in_at) VALUES ('alice', 'Alice', 'alice', 'alice@example.com', 'user', 'x', ?, NULL, ?),
		('carol', '', '', NULL, 'user', 'y', ?, ?, NULL), ('root', '', '', NULL, 'admin', 'z', ?, NULL, NULL)`,
		made, touched, made, touched, made)
	dbtest.Exec(v.t, v.path, `INSERT INTO keys (id, user_id, hash, pepper_id, last4, name, once, created_at, deactivated_at,
		deactivated_by, reason) VALUES ('k1', 'alice', ?, 'p1', ?, 'CI', ?, ?, NULL, NULL, ''),
		('k2', 'alice', ?, 'p1', ?, '', NULL, ?, ?, 'root', 'leaked')`,
		v.live.Hash, v.live.Last4, access.HashOnce("form-1"), made, v.dead.Hash, v.dead.Last4, made, touched)
	dbtest.Exec(v.t, v.path, `INSERT INTO key_uses (key_id, last_used_at) VALUES ('k1', ?)`, touched)
	dbtest.Exec(v.t, v.path, `INSERT INTO sessions (id_hash, user_id, created_at, seen_at) VALUES (?, 'alice', ?, ?)`,
		v.session, touched, touched)
	dbtest.Exec(v.t, v.path, `INSERT INTO sign_ins (at, user_id, address, user_agent, outcome)
		VALUES (?, 'alice', '192.0.2.1', 'curl/8', 'signed in')`, touched)
	dbtest.Exec(v.t, v.path, `UPDATE audit_head SET number = number + 1`)
	dbtest.Exec(v.t, v.path, `INSERT INTO audit (number, at, actor, address, action, user_id, key_id, detail)
		VALUES (1, ?, 'alice', '192.0.2.1', 'create key', 'alice', 'k1', '')`, made)
}

// wantKept fails the test unless people, keys and histories are those of the first version.
func (v *firstVersion) wantKept() {
	v.t.Helper()
	live := access.Key{
		ID: "k1", Number: 1, UserID: "alice", Name: "CI", Last4: v.live.Last4, CreatedAt: v.made, LastUsedAt: v.touched,
	}
	dead := access.Key{
		ID: "k2", Number: 2, UserID: "alice", Last4: v.dead.Last4, CreatedAt: v.made, DeactivatedAt: v.touched, DeactivatedBy: "root",
		Reason: "leaked",
	}
	for _, want := range []access.Key{live, dead} {
		if got, err := v.OwnKey(v.t.Context(), v.alice, want.ID); err != nil || got != want {
			v.t.Errorf("the key is %+v, %v, want %+v", got, err, want)
		}
	}
	if v.verdict(v.live.Hash) != access.Accepted || v.verdict(v.dead.Hash) != access.Deactivated {
		v.t.Errorf("the keys are %s and %s", v.verdict(v.live.Hash), v.verdict(v.dead.Hash))
	}
	for _, want := range []access.Person{
		{
			UserID: "alice", Name: "Alice", Email: "alice@example.com", Role: access.User, CreatedAt: v.made,
			LastSignInAt: v.touched, ActiveKeys: 1,
		},
		{UserID: "carol", Role: access.User, CreatedAt: v.made, DisabledAt: v.touched},
		{UserID: "root", Role: access.Admin, CreatedAt: v.made},
	} {
		if got := v.person(want.UserID); got != want {
			v.t.Errorf("got %+v, want %+v", got, want)
		}
	}
	signIn := access.SignIn{
		Number: 1, At: v.touched, UserID: "alice", Address: "192.0.2.1", UserAgent: "curl/8", Outcome: access.SignedIn,
	}
	if got, _, err := v.SignIns(v.t.Context(), v.root, 0); err != nil || len(got) != 1 || got[0] != signIn {
		v.t.Errorf("the sign-ins are %+v, %v, want %+v", got, err, signIn)
	}
	entry := access.Change{
		Number: 1, At: v.made, Actor: "alice", Address: "192.0.2.1", Action: access.CreateKey, UserID: "alice", KeyID: "k1",
		Last4: v.live.Last4,
	}
	got := v.changes()
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
	if v.alive(v.session) {
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
	if v.verdict(v.live.Hash) != access.Deactivated {
		t.Errorf("the key of an administrator is %s", v.verdict(v.live.Hash))
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
func (v *firstVersion) schema() string {
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
	reader, err := db.OpenToRead(t.Context(), v.path, v.now)
	v.must(err)
	exported := 0
	err = reader.Export(t.Context(), v.operator, "", reading(nothing, func(access.Key) error { exported++; return nil }))
	if err != nil || exported != 2 {
		t.Errorf("exported are %d keys, %v", exported, err)
	}
	v.must(reader.Close())
}
