package db_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// AUD-4, AUD-7: a check of the log finds what was done to the guards of the rows, too.
func TestAlteredGuardsAreFound(t *testing.T) {
	const undo = `UPDATE keys SET deactivated_at = NULL WHERE id = NEW.id`
	rows := map[string]struct{ sqlite, postgres, want string }{
		"a trigger taken out": {
			`DROP TRIGGER keys_final`, `DROP TRIGGER keys_final ON keys`, "trigger keys_final",
		},
		"a trigger put in": {
			`CREATE TRIGGER helper AFTER UPDATE ON keys BEGIN ` + undo + `; END`,
			`CREATE FUNCTION helper() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + undo + `; RETURN NULL; END $$;
			CREATE TRIGGER helper AFTER UPDATE ON keys FOR EACH ROW EXECUTE FUNCTION helper()`,
			"trigger helper",
		},
		"a trigger of goose's name": {`CREATE TRIGGER goose_db_version AFTER UPDATE ON keys BEGIN ` + undo + `; END`, ``, "trigger goose_db_version"},
		"a trigger of SQLite's name": {
			`PRAGMA writable_schema = ON; INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql)
			VALUES ('trigger', 'sqlite_helper', 'keys', 0, 'CREATE TRIGGER sqlite_helper AFTER UPDATE ON keys BEGIN SELECT 1; END')`, ``,
			"trigger sqlite_helper",
		},
		"a trigger that never fires": {
			``, `DROP TRIGGER keys_final ON keys; CREATE TRIGGER keys_final BEFORE UPDATE OF deactivated_at, deactivated_by, reason ON keys
			FOR EACH ROW WHEN (false) EXECUTE FUNCTION refuse('a deactivation is final')`, "trigger keys_final",
		},
		"a trigger for another column": {
			``, `DROP TRIGGER keys_final ON keys; CREATE TRIGGER keys_final BEFORE UPDATE OF name ON keys
			FOR EACH ROW WHEN (OLD.deactivated_at IS NOT NULL) EXECUTE FUNCTION refuse('a deactivation is final')`, "trigger keys_final",
		},
		"a view": {`CREATE VIEW helper AS SELECT 1`, ``, "view helper"},
		"a trigger that does nothing": {
			`DROP TRIGGER keys_stay; CREATE TRIGGER keys_stay BEFORE DELETE ON keys BEGIN SELECT 1; END`,
			`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`,
			"trigger keys_stay",
		},
		"a trigger switched off": {``, `ALTER TABLE keys DISABLE TRIGGER keys_stay`, "trigger keys_stay"},
		"a rule":                 {``, `CREATE RULE helper AS ON UPDATE TO keys DO INSTEAD NOTHING`, "rule helper"},
		"a table without checks": {
			`DROP INDEX keys_number`, ``, "index keys_number is missing in the database",
		},
	}
	for name, row := range rows {
		sql := row.sqlite
		if db.IsPostgres(dbtest.New(t)) {
			sql = row.postgres
		}
		if sql == "" {
			continue // there is no such thing
		}
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			wantSound(t, d.verified())
			dbtest.Exec(t, d.path, sql)
			found := d.verified().Findings
			if !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, row.want) }) {
				t.Errorf("found %q, want %q", found, row.want)
			}
		})
	}
}

// AUD-4: the tables of an older version are made of the same, once they are brought up to date.
func TestGuardsOfOlderVersionsAreSound(t *testing.T) {
	for version := 1; version <= 6; version++ {
		v := newOldVersion(t, version)
		v.open()
		wantSound(t, v.verified())
		v.close()
	}
}
