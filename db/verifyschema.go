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
		if _, ours := made[name]; !ours && !strings.HasPrefix(name, "table ") && !strings.HasPrefix(name, "index ") { // they do nothing
			v.find("%s is in the database, and this program has not put it there", name)
		}
	}
	return nil
}

func sqliteSchema(ctx context.Context, q sqlx.QueryerContext) (schema, error) {
	return readSchema(ctx, q, `SELECT type || ' ' || name, sql FROM sqlite_master
		WHERE sql IS NOT NULL AND NOT (type = 'table' AND name IN ('goose_db_version', 'sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4'))`)
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

// postgresGuards returns the triggers with the words of what makes them and the text of their functions, and that they are off
// where they are; and all rules.
func postgresGuards(ctx context.Context, q sqlx.QueryerContext) (schema, error) {
	s, err := readSchema(ctx, q, `SELECT 'trigger ' || t.tgname || ' on ' || c.relname,
			CASE t.tgenabled WHEN 'O' THEN pg_get_triggerdef(t.oid) || '$$' || p.prosrc ELSE '(off)' END
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
		WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace
		UNION ALL SELECT 'rule ' || rulename || ' on ' || tablename, definition FROM pg_rules WHERE schemaname = current_schema()`)
	for name, text := range s {
		if making, function, is := strings.Cut(text, "$$"); is {
			s[name] = guard(making, function)
		}
	}
	return s, err
}

// guard spells a trigger by the words and signs of what makes it, in order of the alphabet, and the text of its function.
// PostgreSQL gives back what it was made of: a comparison of rows is one of each of their columns then.
func guard(making, function string) string {
	making = strings.ToLower(schemaOfTable.ReplaceAllString(castOf.ReplaceAllString(making, ""), "ON "))
	words := slices.DeleteFunc(triggerWords.FindAllString(making, -1), func(word string) bool {
		return slices.Contains([]string{"row", "or", "is", "distinct", "from"}, word)
	})
	slices.Sort(words)
	return strings.ReplaceAll(strings.Join(words, " "), `'\x'`, `''`) + "\n" + strings.TrimSpace(function)
}

var (
	triggerWords   = regexp.MustCompile(`'(?:[^']|'')*'|\w+|[<>=+*/|~!-]+`)
	castOf         = regexp.MustCompile(`::\w+`)
	schemaOfTable  = regexp.MustCompile(`ON \w+\.`)
	createFunction = regexp.MustCompile(`(?s)CREATE FUNCTION (\w+)\(.*?\$\$(.*?)\$\$`)
	makeTrigger    = regexp.MustCompile(`(?s)(CREATE|DROP) TRIGGER (\w+)\s[^;]*?\bON (\w+)(?:;|\s[^;]*?EXECUTE FUNCTION (\w+)\([^;]*?\);)`)
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
				made[key] = guard(trigger[0], functions[trigger[4]])
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
