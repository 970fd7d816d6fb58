package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// listener is SQLite's driver, and keeps what it is asked.
type listener struct {
	sqlite driver.Driver
	path   string

	mu    sync.Mutex
	heard map[string][]driver.NamedValue
}

type listened struct {
	driver.Conn
	to *listener
}

func (l *listener) Driver() driver.Driver { return l.sqlite }

func (l *listener) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.sqlite.Open(dsn(l.path, "deferred", "query_only(1)"))
	return &listened{conn, l}, err
}

func (c *listened) Prepare(query string) (driver.Stmt, error) {
	s, err := prepare(c.Conn, query)
	return &statementHeard{s, query, c.to}, err
}

type statementHeard struct {
	statement
	query string
	to    *listener
}

func (s *statementHeard) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.to.mu.Lock()
	s.to.heard[s.query] = args
	s.to.mu.Unlock()
	return s.statement.QueryContext(ctx, args)
}

// plans returns how SQLite carries out the queries that it was asked.
func (l *listener) plans(t *testing.T, d *DB) map[string]string {
	t.Helper()
	plans := map[string]string{}
	for query, named := range l.heard {
		var args []any
		for _, a := range named {
			args = append(args, a.Value)
		}
		var steps []struct {
			ID, Parent, Notused int
			Detail              string
		}
		if err := d.write.SelectContext(t.Context(), &steps, `EXPLAIN QUERY PLAN `+query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		for _, step := range steps {
			plans[query] += step.Detail + "\n"
		}
	}
	return plans
}

// No list and no search looks at every row or sorts them: each goes through an index in the index's order. What may be
// scanned is a page that was found so, and the index of the last uses from its end, a page long.
func TestListsGoThroughIndexes(t *testing.T) {
	d := openConnections(t)
	crowd := access.Crowd{Users: 3000, Keys: 3000, Now: time.Now()}
	if err := d.Fill(t.Context(), crowd, "kd_", func(access.Made) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.write.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
		INSERT INTO users (id, name, name_folded, role, password_hash, created_at)
		SELECT 'm' || i, 'Maria ' || i, 'maria ' || i, 'user', '', 0 FROM n`); err != nil {
		t.Fatal(err)
	}
	if _, err := d.write.Exec(`ANALYZE`); err != nil { // the worst that could become of the plans
		t.Fatal(err)
	}
	path := databasePath(t, d)
	l := &listener{sqlite: d.read.Driver(), path: path, heard: map[string][]driver.NamedValue{}}
	if err := d.read.Close(); err != nil {
		t.Fatal(err)
	}
	d.read = newReadPool(sqlx.NewDb(sql.OpenDB(l), "sqlite"), d.dialect)
	ask(t, d)
	if len(l.heard) < 20 {
		t.Errorf("only %d queries were heard", len(l.heard))
	}
	harmless := regexp.MustCompile(`SCAN \(?subquery|SCAN found|SCAN CONSTANT ROW|SCAN d USING COVERING INDEX key_days_day|SCAN new_uses`)
	for query, plan := range l.plans(t, d) {
		for line := range strings.Lines(plan) {
			if strings.Contains(line, "SCAN") && !harmless.MatchString(line) || strings.Contains(line, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, plan)
				break
			}
		}
	}
}

// ask goes through every list and every search.
func ask(t *testing.T, d *DB) {
	t.Helper()
	root, ctx := access.Actor{UserID: "root", Role: access.Admin}, t.Context()
	check := func(what string, err error) {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, text := range []string{"", "a", "ada", "ada n", "noether", "ada.no", "maria", "zzzz"} {
		_, _, err := d.Users(ctx, root, text, "")
		check("users "+text, err)
		_, _, err = d.Users(ctx, root, text, "b")
		check("later users "+text, err)
	}
	_, err := d.User(ctx, root, "ada.ampere")
	check("user", err)
	_, err = d.SecondFactor(ctx, "ada.ampere")
	check("passkeys", err)
	_, err = d.PasskeyOf(ctx, []byte("none"))
	check("passkey", err)
	_, err = d.PasskeysRemoved(ctx, root)
	check("removal", err)
	_, err = d.Session(ctx, []byte("none"), access.SessionLimits{Idle: time.Hour, Max: time.Hour})
	if access.Refused(err, access.SignedOut) == nil {
		check("session", err)
	}
	keys, _, err := d.LastUses(ctx, root, "")
	check("uses", err)
	_, _, err = d.LastUses(ctx, root, "99999.1")
	check("later uses", err)
	_, _, err = d.KeysOf(ctx, root, keys[0].Key.UserID, "")
	check("keys", err)
	_, _, err = d.KeysOf(ctx, root, keys[0].Key.UserID, keys[0].Key.ID)
	check("later keys", err)
	for _, before := range []int64{0, 7} {
		for _, f := range []access.ChangeFilter{
			{}, {Person: "ada.ampere"}, {Action: access.CreateKey}, {From: d.Now()}, {Until: d.Now()},
			{Person: access.Operator, Action: access.MakeUp, From: d.Now().Add(-time.Hour), Until: d.Now().Add(time.Hour)},
		} {
			_, _, err = d.Changes(ctx, root, f, before)
			check("changes", err)
		}
		_, _, err = d.SignIns(ctx, root, before)
		check("sign-ins", err)
	}
	for _, status := range []access.Status{"", access.Active, access.Inactive} {
		conn, err := d.read.Connx(ctx)
		check("connection", err)
		check("export", conn.Raw(func(c any) error {
			for _, times := range []lastTimes{nil, {}} {
				r, err := newExportReader(c, status, times, &recentUses{})
				if err != nil {
					return err
				}
				defer r.close()
				from, err := r.end(ctx, named("", int64(0), ""), 9)
				if err != nil || from == nil {
					return fmt.Errorf("after 9 keys: %v, %w", from, err)
				}
				if _, _, err = r.rows(ctx, nil, from, 9, access.NewReport(d.Now()).Append); err != nil {
					return err
				}
			}
			return nil
		}))
		s := snapshot{[]*sqlx.Conn{conn}}
		times, err := s.lastTimes(ctx)
		check("last uses", err)
		if times == nil {
			t.Error("the last uses of few keys are not held in memory")
		}
		check("connection", conn.Close())
	}
}
