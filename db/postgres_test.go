package db_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/pgtest"
)

// everything returns all tables of a PostgreSQL database, with all that is in them.
func everything(t *testing.T, database string) string {
	t.Helper()
	conn := dbtest.Open(t, database)
	defer func() { _ = conn.Close() }()
	var all strings.Builder
	for _, name := range dbtest.Tables(t, conn) {
		all.WriteString(name + "\n" + dbtest.Table(t, conn, name))
	}
	return all.String()
}

// DUR-9, DUR-12
func TestPostgresDatabaseThatCannotBeUsedIsLeftAsItIs(t *testing.T) {
	for name, row := range map[string]struct {
		prepare  func(t *testing.T, d *desk)
		want     error
		words    string
		readable bool
	}{
		"another program's": {
			func(t *testing.T, d *desk) {
				d.path = pgtest.Database(t)
				dbtest.Exec(t, d.path, `CREATE TABLE notes (text TEXT)`)
			},
			nil, "tables of another program", false,
		},
		"another's with goose": {
			func(t *testing.T, d *desk) {
				d.path = pgtest.Database(t)
				dbtest.Exec(t, d.path, `CREATE TABLE goose_db_version (version_id INTEGER); INSERT INTO goose_db_version VALUES (6); CREATE TABLE users ()`)
			},
			nil, "tables of another program", false,
		},
		"another root secret": {func(_ *testing.T, d *desk) { d.digits = access.NewRootSecret() }, db.ErrWrongSecret, "", true},
		"secrets missing": {
			func(t *testing.T, d *desk) { dbtest.Exec(t, d.path, `DELETE FROM secrets`) }, db.ErrDamaged, "", true,
		},
		"one secret missing": {
			func(t *testing.T, d *desk) { dbtest.Exec(t, d.path, `DELETE FROM secrets WHERE kind = 'session'`) }, db.ErrDamaged, "", true,
		},
		"a table missing": {func(t *testing.T, d *desk) { dbtest.Exec(t, d.path, `DROP TABLE oldest_program`) }, db.ErrDamaged, "", false},
		"the other missing": {
			func(t *testing.T, d *desk) { dbtest.Exec(t, d.path, `DROP TABLE audit_head`) }, db.ErrDamaged, "", false,
		},
		"newer": {
			func(t *testing.T, d *desk) {
				dbtest.Exec(t, d.path, newerTables+`UPDATE oldest_program SET migration = 99999`)
			},
			db.ErrNewer, "", false,
		},
		"another encoding": {func(t *testing.T, d *desk) { d.path = latin(t) }, nil, "LATIN1", false},
		"too old":          {func(t *testing.T, d *desk) { d.path = aged(t) }, db.ErrTooOld, "14.11", false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newPostgresDesk(t)
			d.close()
			row.prepare(t, d)
			before := everything(t, d.path)
			for how, open := range openers(d.options()) {
				err := open(t.Context())
				if how != "open" && row.readable {
					d.must(err)
					continue
				}
				wantLine(t, how, err, row.want, row.words, db.Shown(d.path))
			}
			if after := everything(t, d.path); after != before {
				t.Errorf("before\n%safter\n%s", before, after)
			}
		})
	}
}

// latin returns a database whose texts are not UTF-8.
func latin(t *testing.T) string {
	t.Helper()
	url := pgtest.Database(t)
	name := url[strings.LastIndex(url, "/")+1 : strings.Index(url, "?")]
	dbtest.Exec(t, url, `CREATE DATABASE `+name+`_latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`)
	t.Cleanup(func() { dbtest.Exec(t, url, `DROP DATABASE `+name+`_latin WITH (FORCE)`) })
	return strings.Replace(url, name, name+"_latin", 1)
}

// aged returns a database that says of itself that it is of an older version.
func aged(t *testing.T) string {
	t.Helper()
	url := dbtest.NewCopy(t)
	dbtest.Exec(t, url, `CREATE SCHEMA aged`)
	dbtest.Exec(t, url, `CREATE FUNCTION aged.current_setting(name TEXT) RETURNS TEXT LANGUAGE sql AS $$ SELECT CASE name
		WHEN 'server_version_num' THEN '140011' WHEN 'server_version' THEN '14.11' ELSE pg_catalog.current_setting(name) END $$`)
	return url + "&search_path=aged,pg_catalog,public"
}

// DUR-3: a standby, and a primary that was told to take no writes, can be read.
func TestPostgresThatTakesNoWritesIsNotOpened(t *testing.T) {
	d := newPostgresDesk(t)
	d.makeKey(d.alice)
	d.close()
	name := d.path[strings.LastIndex(d.path, "/")+1 : strings.Index(d.path, "?")]
	dbtest.Exec(t, d.path, `ALTER DATABASE `+name+` SET default_transaction_read_only = on`)
	before := everything(t, d.path)
	_, err := db.Open(t.Context(), d.options())
	wantLine(t, "open", err, db.ErrReadOnly, db.Shown(d.path))
	reader, err := db.OpenToRead(t.Context(), d.path, d.now)
	d.must(err)
	if people, _, err := reader.Users(t.Context(), d.operator, "", ""); err != nil || len(people) != 3 {
		t.Errorf("read are %d people, %v", len(people), err)
	}
	d.must(reader.Close())
	if after := everything(t, d.path); after != before {
		t.Errorf("before\n%safter\n%s", before, after)
	}
}

// A role that may make no tables, as all may not in the public schema that they do not own, is told what it needs.
func TestRoleThatMayMakeNoTablesIsTold(t *testing.T) {
	url := pgtest.Database(t)
	name := "role_" + url[strings.LastIndex(url, "/")+1:strings.Index(url, "?")]
	dbtest.Exec(t, url, `CREATE ROLE `+name+` LOGIN`)
	t.Cleanup(func() { dbtest.Exec(t, url, `DROP OWNED BY `+name+`; DROP ROLE `+name) })
	o := optionsFor(strings.Replace(url, "postgres@", name+"@", 1))
	_, err := db.Open(t.Context(), o)
	wantLine(t, "open", err, nil, "permission denied", "grant the role", db.Shown(o.Database))
	if after := everything(t, url); after != "" {
		t.Errorf("made were\n%s", after)
	}
	dbtest.Exec(t, url, `GRANT ALL ON SCHEMA public TO `+name)
	d, err := db.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.AddUser(t.Context(), access.TheOperator(), access.Person{UserID: "alice", Role: access.User}, "x"); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// DUR-9: without a root secret nothing is made, and nothing is there to read.
func TestEmptyPostgresDatabaseStaysSo(t *testing.T) {
	o := optionsFor(pgtest.Database(t))
	missing := errors.New("the root secret is missing")
	o.Root = func(fresh bool) (access.RootSecret, error) {
		if !fresh {
			t.Error("it is not fresh")
		}
		return access.RootSecret{}, missing
	}
	open := openers(o)
	wantLine(t, "open", open["open"](t.Context()), missing)
	wantLine(t, "open to read", open["open to read"](t.Context()), db.ErrAbsent, db.Shown(o.Database))
	wantLine(t, "exists", open["exists"](t.Context()), db.ErrAbsent, db.Shown(o.Database))
	if after := everything(t, o.Database); after != "" {
		t.Errorf("made were\n%s", after)
	}
}

// DUR-11: instances that start together make the tables once, and share what is sealed in them.
func TestInstancesOpenAnEmptyDatabaseTogether(t *testing.T) {
	const instances = 8
	o := optionsFor(pgtest.Database(t))
	desks, errs := make([]*db.DB, instances), make([]error, instances)
	start := make(chan struct{})
	var opening sync.WaitGroup
	for i := range instances {
		opening.Go(func() { <-start; desks[i], errs[i] = db.Open(t.Context(), o) })
	}
	close(start)
	opening.Wait()
	for i, d := range desks {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		defer func() { _ = d.Close() }()
		if got, first := d.Secrets(), desks[0].Secrets(); got.Pepper.ID != first.Pepper.ID || len(got.SessionKeys) != 1 ||
			!bytes.Equal(got.SessionKeys[0].Hash, first.SessionKeys[0].Hash) {
			t.Errorf("instance %d has other secrets than the first", i)
		}
	}
	var migrations, sealed, signing int
	dbtest.Look(t, o.Database, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`, &migrations)
	dbtest.Look(t, o.Database, `SELECT count(*) FROM signing_keys`, &signing)
	if dbtest.Look(t, o.Database, `SELECT count(*) FROM secrets`, &sealed); migrations != 3 || sealed != 2 || signing != 1 {
		t.Errorf("%d migrations, %d secrets, %d signing keys", migrations, sealed, signing)
	}
	if err := desks[0].AddUser(t.Context(), access.TheOperator(), access.Person{UserID: "alice", Role: access.User}, "x"); err != nil {
		t.Fatal(err)
	}
	if alice, err := desks[7].User(t.Context(), access.TheOperator(), "alice"); err != nil || alice.UserID != "alice" {
		t.Errorf("another instance has %+v, %v", alice, err)
	}
}

// An instance that starts while another makes the tables waits no longer than it is told to.
func TestInstanceDoesNotWaitForEver(t *testing.T) {
	url := pgtest.Database(t)
	conn := dbtest.Open(t, url)
	conn.SetMaxOpenConns(1)
	if _, err := conn.Exec(`SELECT pg_advisory_lock(1262768971, 0)`); err != nil {
		t.Fatal(err)
	}
	o := optionsFor(url + "&lock_timeout=50")
	_, err := db.Open(t.Context(), o)
	wantLine(t, "open", err, nil, "another instance", db.Shown(url))
	if !db.Unavailable(err) {
		t.Errorf("%v is not said to pass", err)
	}
	if after := everything(t, url); after != "" {
		t.Errorf("made were\n%s", after)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), optionsFor(url))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
