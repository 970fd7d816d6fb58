package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db/dbtest"
)

// printed returns what a command prints, which must succeed.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	code, out, complaint := command(t, "", args...)
	if code != 0 {
		t.Fatalf("%v: %d %s", args, code, complaint)
	}
	return out
}

// logged is a running desk with a log, and what an outsider was given of it.
type logged struct {
	*desk
	database string // as a flag
	key      string // likewise
	kept     string // the file of a checkpoint
}

func newLogged(t *testing.T) logged {
	t.Helper()
	d := newDesk(t)
	l := logged{desk: d, database: "--database=" + filepath.Join(d.dir, "keydesk.db"), kept: filepath.Join(t.TempDir(), "checkpoint")}
	alice := d.signIn("alice")
	alice.newKey()
	l.key = "--key=" + strings.TrimSpace(printed(t, "audit", "key", l.database))
	mustWrite(t, l.kept, printed(t, "audit", "checkpoint", l.database))
	alice.newKey()
	return l
}

// tamper changes the database around its triggers.
func (l logged) tamper(statements ...string) {
	l.t.Helper()
	for _, trigger := range []string{"audit_update", "audit_delete", "keys_identity"} {
		l.sql(`DROP TRIGGER ` + trigger)
	}
	for _, s := range statements {
		l.sql(s)
	}
}

// AUD-4, AUD-6: everything is checked beside the running server, and by whoever has only the public key.
func TestAuditLogIsChecked(t *testing.T) {
	l := newLogged(t)
	sound := "5 entries, root "
	if got := printed(t, "audit", "verify", l.database); !strings.Contains(got, "is sound: "+sound) || !strings.Contains(got, "3 users, 2 keys, 0 links") {
		t.Errorf("verify: %s", got)
	}
	mustRemove(t, secretOf(filepath.Join(l.dir, "keydesk.db"))) // from here on nobody has the root secret
	refused(t, 1, "the root secret of this database is missing", "audit", "verify", l.database)
	if got := printed(t, "audit", "verify", l.database, l.key); !strings.Contains(got, sound) {
		t.Errorf("verify by key: %s", got)
	}
	if got := printed(t, "audit", "verify", l.database, l.key, "--checkpoint="+l.kept); !strings.Contains(got, "it had 4 entries, and has 5") {
		t.Errorf("checkpoint: %s", got)
	}
	if got := printed(t, "audit", "verify", l.database, l.key, "--entry=4"); !strings.Contains(got, `"action":"create key","user_id":"alice"`) {
		t.Errorf("entry: %s", got)
	}
	export := filepath.Join(t.TempDir(), "log.jsonl")
	mustWrite(t, export, printed(t, "audit", "export", l.database))
	if got := printed(t, "audit", "verify", l.key, "--proof="+export); !strings.Contains(got, "5 entries, the last of them entry 5, are part") {
		t.Errorf("export: %s", got)
	}
	lines := strings.SplitAfter(printed(t, "audit", "export", "--from=2", "--to=3", l.database), "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], `"entry":{"number":2,`) || !strings.Contains(lines[2], `"entry":{"number":3,`) {
		t.Errorf("part of the log: %q", lines)
	}
}

// AUD-4: what is wrong is said in lines of their own, and the exit code is 1.
func TestAuditLogThatIsAlteredIsRefused(t *testing.T) {
	l := newLogged(t)
	l.tamper(`UPDATE audit SET actor = 'bob' WHERE number = 2`, `UPDATE keys SET user_id = 'bob' WHERE number = 1`)
	code, out, complaint := command(t, "", "audit", "verify", l.database)
	if code != 1 || complaint != "keydesk: the audit log or what it tells of was altered: 5 findings\n" ||
		strings.Count(out, "\n") != 5 || strings.Count(out, "trigger ") != 3 || !strings.Contains(out, "entry 2 (add user) is not as it was written") ||
		!strings.Contains(out, " of bob is not as entry 4 left it") {
		t.Errorf("%d %s %s", code, out, complaint)
	}
	refused(t, 1, "entry 2 is not part of the log that was signed", "audit", "verify", l.database, "--entry=2")
	refused(t, 1, "The audit log has no entry 77.", "audit", "verify", l.database, "--entry=77")
}

// AUD-4: a database that was set back to an earlier state, whole and sound, is found by a checkpoint that was kept.
func TestRollBackIsFoundByAKeptCheckpoint(t *testing.T) {
	l := newLogged(t)
	l.stop()
	file := filepath.Join(l.dir, "keydesk.db")
	earlier, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	again := startDesk(t, l.dir)
	again.signIn("alice").newKey()
	mustWrite(t, l.kept, printed(t, "audit", "checkpoint", l.database))
	again.stop()
	mustWrite(t, file, string(earlier))
	printed(t, "audit", "verify", l.database)
	// As a paste may have it.
	kept, err := os.ReadFile(l.kept)
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, l.kept, strings.TrimSuffix(strings.ReplaceAll(string(kept), "\n", "\r\n"), "\r\n"))
	refused(t, 1, "the log was rolled back or truncated: it has 5 entries, but had 6", "audit", "verify", l.database, "--checkpoint="+l.kept)
	// Whoever sets the file back takes the anchor away, and with it that there was one.
	if err := os.Remove(filepath.Join(l.dir, "keydesk.anchor")); err != nil {
		t.Fatal(err)
	}
	dbtest.Exec(t, file, `UPDATE audit_head SET anchored = 0`)
	startDesk(t, l.dir).signIn("alice").newKey() // another sixth entry, rightly signed
	refused(t, 1, "does not go on from the checkpoint: it does not begin with the 6 entries that", "audit", "verify", l.database, "--checkpoint="+l.kept)
}

// AUD-3, AUD-6
func TestWrongProofsAreRefusedInOneLine(t *testing.T) {
	l, other := newLogged(t), newLogged(t)
	export := printed(t, "audit", "export", l.database)
	lines := strings.SplitAfter(export, "\n")
	for words, text := range map[string]string{
		"there is no entry in it":              "",
		"there is no entry in it; ":            lines[0],
		"no checkpoint came before":            lines[1],
		"line 1: read line":                    "{",
		"line 1: its checkpoint":               strings.Replace(export, `\n4\n`, `\n5\n`, 1) + "x",
		"line 2: entry 1 is not the one whose": strings.Replace(export, "role user", "role root", 1),
		"line 2: the entry has number 1, but":  strings.Replace(export, `"index":0`, `"index":1`, 1),
		"unknown field":                        strings.Replace(export, `"index"`, `"indices"`, 1),
		"lacks its index":                      strings.Replace(export, `"index":0,`, ``, 1),
		"is not part of the log":               lines[0] + strings.Replace(lines[2], `"proof":["`, `"proof":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","`, 1),
	} {
		file := filepath.Join(t.TempDir(), "proof")
		mustWrite(t, file, text)
		t.Run(words, func(t *testing.T) {
			if words == "line 1: its checkpoint" {
				refused(t, 1, words, "audit", "verify", other.key, "--proof="+file)
				return
			}
			refused(t, 1, strings.TrimSuffix(words, "; "), "audit", "verify", l.key, "--proof="+file)
		})
	}
	refused(t, 1, "--proof needs --key", "audit", "verify", "--proof="+l.kept)
	refused(t, 1, "no such file", "audit", "verify", l.key, "--proof=nowhere")
	refused(t, 1, "no public key of an audit log", "audit", "verify", "--key=x", l.database)
	refused(t, 1, "is not signed by this log's key", "audit", "verify", l.database, "--checkpoint="+other.kept)
	refused(t, 1, "is not signed by this log's key", "audit", "verify", l.database, "--checkpoint="+filepath.Join(l.dir, "keydesk.secret"))
	refused(t, 2, "can't be used together", "audit", "verify", "--entry=1", "--proof=x")
	for _, entry := range []string{"0", "-1"} {
		refused(t, 1, "--entry: entries are numbered from 1", "audit", "verify", l.database, "--entry="+entry)
	}
	for args, words := range map[string]string{
		"--from=3 --to=2": "--to: entry 2 comes before entry 3",
		"--from=0":        "numbered from 1",
		"--to=-1":         "numbered from 1",
		"--from=6":        "The audit log has no entry 6: it ends with entry 5.",
	} {
		refused(t, 1, words, append([]string{"audit", "export", l.database}, strings.Fields(args)...)...)
	}
	code, out, _ := command(t, "", "audit", "verify", other.key, l.database)
	if code != 1 || !strings.Contains(out, "checkpoint is not signed by the log's key") {
		t.Errorf("another log's key: %d %s", code, out)
	}
}

// AUD-4: of a log that lacks entries, the first of them is named.
func TestMissingEntryIsNamed(t *testing.T) {
	for _, row := range []struct{ removal, first, beside string }{
		{`DELETE FROM audit WHERE number = 1`, "1", "2"},
		{`DELETE FROM audit WHERE number IN (2, 4)`, "2", "1"},
		{`DELETE FROM audit WHERE number = 5`, "5", "4"},
	} {
		l := newLogged(t)
		l.tamper(row.removal)
		words := "keydesk: read audit log: entry " + row.first + " is missing from it; "
		code, _, complaint := command(t, "", "audit", "export", l.database)
		if code != 1 || !strings.HasPrefix(complaint, words) {
			t.Errorf("%s: %d %s", row.removal, code, complaint)
		}
		refused(t, 1, words, "audit", "verify", l.database, "--entry="+row.beside)
	}
}
