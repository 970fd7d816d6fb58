package dbtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/keydesk/keydesk/access"
)

// The ids of alice's keys.
const (
	LiveID = "0196890b-0000-7000-8000-000000000001"
	DeadID = "0196890b-0000-7000-8000-000000000002"
)

// Old is what is in a database that an older version of the program left: alice with an active key that was used and one
// that root deactivated, carol disabled, root, a session, a sign-in, and the audit log.
type Old struct {
	LiveKey, DeadKey access.Secret
	Live, Dead       access.Fingerprint
	Session          []byte // hash of its id
	Made, Touched    time.Time
}

// Versions returns how many versions of the tables of SQLite there are, by the folder of their scripts.
func Versions(t testing.TB, scripts string) int {
	t.Helper()
	return len(scriptsIn(t, scripts))
}

func scriptsIn(t testing.TB, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.sql"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d scripts in %s: %v", len(names), folder, err)
	}
	return names
}

// MigrateTo makes the tables of a version, as the program of then would.
func MigrateTo(t testing.TB, path, scripts string, version int) {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range scriptsIn(t, scripts)[:version] {
		script, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = &fstest.MapFile{Data: script}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	conn := Open(t, path)
	if _, err := conn.Exec(`PRAGMA journal_mode = WAL`); err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, conn.DB.DB, files)
	if err == nil {
		_, err = provider.Up(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// NewOld makes a database of a version. What is in it was written by the first one, under the root secret of these digits, with
// so many keys more of alice's.
func NewOld(t testing.TB, path, digits, scripts string, version, crowd int) Old {
	t.Helper()
	root, err := access.ParseRootSecret(digits)
	if err != nil {
		t.Fatal(err)
	}
	MigrateTo(t, path, scripts, 1)
	old := Old{
		LiveKey: access.NewSecret("kd_"), DeadKey: access.NewSecret("kd_"), Session: access.HashToken("of the first version"),
		Made:    time.Date(2025, time.May, 1, 8, 0, 0, 123456000, time.UTC),
		Touched: time.Date(2025, time.June, 1, 8, 0, 0, 654321000, time.UTC),
	}
	old.fill(t, path, root)
	Exec(t, path, `INSERT INTO keys (id, user_id, hash, pepper_id, last4, name, created_at, reason)
		WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		SELECT printf('0196890c-0000-7000-8000-%012x', i), 'alice', randomblob(32), 'p1', 'last', '', ?2 + i, '' FROM n WHERE i <= ?1`,
		crowd, old.Made.UnixMicro())
	MigrateTo(t, path, scripts, version)
	return old
}

func (o *Old) fill(t testing.TB, path string, root access.RootSecret) {
	t.Helper()
	made, touched := o.Made.UnixMicro(), o.Touched.UnixMicro()
	pepper := bytes.Repeat([]byte("pepper 1"), 8) // 64 bytes, of which the first 32 are the key
	o.Live = access.NewPepper("p1", pepper[:32]).Fingerprint(o.LiveKey)
	o.Dead = access.NewPepper("p1", pepper[:32]).Fingerprint(o.DeadKey)
	Exec(t, path, `INSERT INTO secrets (id, kind, sealed, created_at) VALUES ('p1', 'pepper', ?, ?), ('s1', 'session', ?, ?)`,
		root.Seal("pepper p1", pepper), made, root.Seal("session s1", bytes.Repeat([]byte("session1"), 8)), made)
	Exec(t, path, `INSERT INTO users (id, name, name_folded, email, role, password_hash, created_at, disabled_at,
		last_sign_in_at) VALUES ('alice', 'Alice', 'alice', 'alice@example.com', 'user', 'x', ?, NULL, ?),
		('carol', '', '', NULL, 'user', 'y', ?, ?, NULL), ('root', '', '', NULL, 'admin', 'z', ?, NULL, NULL)`,
		made, touched, made, touched, made)
	Exec(t, path, `INSERT INTO keys (id, user_id, hash, pepper_id, last4, name, once, created_at, deactivated_at,
		deactivated_by, reason) VALUES (?, 'alice', ?, 'p1', ?, 'CI', ?, ?, NULL, NULL, ''),
		(?, 'alice', ?, 'p1', ?, '', NULL, ?, ?, 'root', 'leaked')`,
		LiveID, o.Live.Hash, o.Live.Last4, access.HashOnce("form-1"), made, DeadID, o.Dead.Hash, o.Dead.Last4, made, touched)
	Exec(t, path, `INSERT INTO key_uses (key_id, last_used_at) VALUES (?, ?)`, LiveID, touched)
	Exec(t, path, `INSERT INTO sessions (id_hash, user_id, created_at, seen_at) VALUES (?, 'alice', ?, ?)`,
		o.Session, touched, touched)
	Exec(t, path, `INSERT INTO sign_ins (at, user_id, address, user_agent, outcome)
		VALUES (?, 'alice', '192.0.2.1', 'curl/8', 'signed in')`, touched)
	Exec(t, path, `UPDATE audit_head SET number = number + 1`)
	Exec(t, path, `INSERT INTO audit (number, at, actor, address, action, user_id, key_id, detail)
		VALUES (1, ?, 'alice', '192.0.2.1', 'create key', 'alice', ?, '')`, made, LiveID)
}
