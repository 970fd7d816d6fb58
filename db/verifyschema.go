package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// schema is what a database is made of, and how, by its names. Of PostgreSQL it is only what could undo a change, or let
// through what is to be refused: triggers and rules.
type schema map[string]string

// checkSchema compares what guards the rows with what this program's migrations have made. Who writes the database past the
// desk could have taken a trigger out of it, or put one in.
func (v *logCheck) checkSchema(ctx context.Context, t *sqlx.Tx, d *dialect) error {
	version, err := d.appliedVersion(ctx, t)
	if err != nil {
		return err
	}
	if known, err := d.newestVersion(); err != nil {
		return err
	} else if version != known {
		v.find("the tables have had %d migrations, and this program knows %d: check them with the program that they are of", version, known)
		return nil
	}
	is, was := sqliteSchema, migratedSQLite
	if d.shared {
		is, was = postgresGuards, migratedPostgres
	}
	found, err := is(ctx, t)
	if err != nil {
		return err
	}
	made, err := was(ctx, d)
	if err != nil {
		return fmt.Errorf("what the tables are made of: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if text, there := found[name]; !there {
			v.find("%s is missing in the database", name)
		} else if text != made[name] {
			v.find("%s is not what this program has made", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ours := made[name]; !ours {
			v.find("%s is in the database, and this program has not put it there", name)
		}
	}
	return nil
}

func sqliteSchema(ctx context.Context, q sqlx.QueryerContext) (schema, error) {
	return readSchema(ctx, q, `SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master
		WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name <> 'goose_db_version'`)
}

// migratedSQLite returns the schema of a database that is made anew.
func migratedSQLite(ctx context.Context, d *dialect) (made schema, err error) {
	pool, err := sqlx.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	if err := d.migrate(ctx, pool); err != nil {
		return nil, err
	}
	return sqliteSchema(ctx, pool)
}

// postgresGuards returns the triggers with the text of their functions, and that they are off where they are; and all rules.
func postgresGuards(ctx context.Context, q sqlx.QueryerContext) (schema, error) {
	return readSchema(ctx, q, `SELECT 'trigger ' || t.tgname || ' on ' || c.relname,
			CASE t.tgenabled WHEN 'O' THEN p.prosrc ELSE '(off)' END
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'rule ' || rulename || ' on ' || tablename, definition FROM pg_rules WHERE schemaname = current_schema()`)
}

var (
	createFunction = regexp.MustCompile(`(?s)CREATE FUNCTION (\w+)\(.*?\$\$(.*?)\$\$`)
	makeTrigger    = regexp.MustCompile(`(?s)(CREATE|DROP) TRIGGER (\w+)\s[^;]*?\bON (\w+)(?:;|\s[^;]*?EXECUTE FUNCTION (\w+)\()`)
)

// migratedPostgres returns the triggers that the migrations make and do not drop, with the text of their functions.
func migratedPostgres(_ context.Context, d *dialect) (schema, error) {
	files, err := d.migrations()
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	functions, made := map[string]string{}, schema{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		for _, f := range createFunction.FindAllStringSubmatch(string(text), -1) {
			functions[f[1]] = strings.TrimSpace(f[2])
		}
		for _, trigger := range makeTrigger.FindAllStringSubmatch(string(text), -1) {
			key := "trigger " + trigger[2] + " on " + trigger[3]
			if trigger[1] == "DROP" {
				delete(made, key)
			} else {
				made[key] = functions[trigger[4]]
			}
		}
	}
	return made, nil
}

// readSchema returns what the query selects: names and texts.
func readSchema(ctx context.Context, q sqlx.QueryerContext, query string) (schema, error) {
	rows, err := q.QueryxContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	s := schema{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		s[name] = strings.TrimSpace(text)
	}
	return s, rows.Err()
}
