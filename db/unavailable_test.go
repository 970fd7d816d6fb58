package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/db/pgtest"
)

// Whoever is told that something is unavailable tries again, which is of no use where it would fail again.
func TestWhatPassesIsUnavailable(t *testing.T) {
	d := openAt(t, pgtest.Database(t))
	run := func(pool *sqlx.DB, statements ...string) error {
		conn, err := pool.Connx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }() // so that nobody else meets its settings
		for _, s := range statements {
			_, err = conn.ExecContext(t.Context(), s)
		}
		return err
	}
	held, err := d.write.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(`UPDATE audit_head SET number = number + 1`); err != nil {
		t.Fatal(err)
	}
	locked := run(d.write, `SET lock_timeout = 1`, `UPDATE audit_head SET number = number + 1`)
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	closed := openAt(t, pgtest.Database(t))
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, late := d.write.ExecContext(soon, `SELECT pg_sleep(10)`)
	_, shut := closed.write.Exec(`SELECT 1`)
	for name, row := range map[string]struct {
		err  error
		want bool
	}{
		"a lock that is held":      {locked, true},
		"a statement for long":     {run(d.write, `SET statement_timeout = 1`, `SELECT pg_sleep(10)`), true},
		"a connection that ended":  {run(d.write, `SELECT pg_terminate_backend(pg_backend_pid())`), true},
		"an answer too late":       {late, true},
		"written where it is read": {run(d.read.DB, `DELETE FROM sessions`), true},
		"no SQL":                   {run(d.write, `SELEKT 1`), false},
		"refused":                  {run(d.write, `DELETE FROM audit_head`), false},
		"a constraint":             {run(d.write, `INSERT INTO made_up (one, at) VALUES (2, 0)`), false},
		"no text":                  {run(d.write, `SELECT convert_from('\xff', 'UTF8')`), false},
		"nothing there":            {sql.ErrNoRows, false},
		"who asked is gone":        {context.Canceled, false},
		"nothing":                  {nil, false},
		"closed":                   {shut, false},
	} {
		if got := Unavailable(row.err); got != row.want || row.want && row.err == nil {
			t.Errorf("%s: %v, unavailable: %t", name, row.err, got)
		}
	}
}
