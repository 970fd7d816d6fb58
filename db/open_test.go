package db_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

func TestReopenedDatabaseKnowsItsKeys(t *testing.T) {
	d := newDesk(t)
	secret := access.NewSecret(access.DefaultPrefix)
	key, err := d.CreateKey(t.Context(), d.alice, d.Secrets().Pepper.Fingerprint(secret), "")
	if err != nil {
		t.Fatal(err)
	}
	_, endedHash := d.makeKey(d.alice)
	ended, _, err := d.OwnKeys(t.Context(), d.alice, "")
	if err != nil {
		t.Fatal(err)
	}
	d.deactivate(d.alice, ended[0].ID)
	before := d.Secrets()
	for range 2 {
		d.reopen()
		after := d.Secrets()
		if got := d.verdict(after.Pepper.Fingerprint(secret).Hash); got != access.Accepted {
			t.Errorf("the key %s is %s", key.ID, got)
		}
		if got := d.verdict(endedHash); got != access.Deactivated {
			t.Errorf("the deactivated key is %s", got)
		}
		if after.Pepper.ID != before.Pepper.ID || !bytes.Equal(after.SessionKeys[0].Hash, before.SessionKeys[0].Hash) ||
			!bytes.Equal(after.SessionKeys[0].Block, before.SessionKeys[0].Block) {
			t.Error("the secrets have changed")
		}
	}
}

func TestTwoDatabasesHaveTheirOwnSecrets(t *testing.T) {
	one, other := newDesk(t).Secrets(), newDesk(t).Secrets()
	secret := access.NewSecret(access.DefaultPrefix)
	if bytes.Equal(one.Pepper.Fingerprint(secret).Hash, other.Pepper.Fingerprint(secret).Hash) ||
		bytes.Equal(one.SessionKeys[0].Hash, other.SessionKeys[0].Hash) || bytes.Equal(one.SessionKeys[0].Block, other.SessionKeys[0].Block) {
		t.Error("two databases share a secret")
	}
	if len(one.SessionKeys[0].Hash) != 32 || len(one.SessionKeys[0].Block) != 32 || bytes.Equal(one.SessionKeys[0].Hash, one.SessionKeys[0].Block) {
		t.Errorf("the session key has %d and %d bytes", len(one.SessionKeys[0].Hash), len(one.SessionKeys[0].Block))
	}
}

// DUR-9: the root secret may be made for a new database only: a missing one must never be replaced.
func TestRootSecretMayBeMadeOnce(t *testing.T) {
	d := emptyDesk(t)
	d.close()
	var asked []bool
	o := d.options()
	o.Root = func(fresh bool) (access.RootSecret, error) {
		asked = append(asked, fresh)
		return access.ParseRootSecret(d.digits)
	}
	d.openWith(o)
	d.close()
	o.Database = dbtest.New(t)
	d.openWith(o)
	d.close()
	if len(asked) != 2 || asked[0] || !asked[1] {
		t.Errorf("fresh for the old and the new database: %v", asked)
	}
}

// DUR-9
func TestWithoutARootSecretNothingIsMade(t *testing.T) {
	d := &desk{t: t, path: dbtest.NewFile(t)}
	missing := errors.New("the root secret is missing")
	o := d.options()
	o.Root = func(bool) (access.RootSecret, error) { return access.RootSecret{}, missing }
	if _, err := db.Open(t.Context(), o); !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(d.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database: %v", err)
	}
}

// DUR-15: a first start that was stopped between making the file and its tables; somebody else may have made the file.
func TestEmptyFileBecomesADatabaseOfItsOwner(t *testing.T) {
	path := dbtest.NewFile(t)
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	deskAt(t, path).addUser("alice")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

// DUR-15
func TestOnlyTheOwnerReadsTheFiles(t *testing.T) {
	d := newSQLiteDesk(t)
	d.makeKey(d.alice)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(d.path + suffix)
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
}

// KEY-4, REV-4, SES-1: neither a key nor a secret stands anywhere in clear.
func TestNoSecretIsWrittenDown(t *testing.T) {
	d := newDesk(t)
	secret := access.NewSecret(access.DefaultPrefix)
	f := d.Secrets().Pepper.Fingerprint(secret)
	pasted := access.NewSecret(access.DefaultPrefix).Reveal() // a form's once is whatever somebody sent
	if _, err := d.CreateKey(t.Context(), d.alice, f, pasted); err != nil {
		t.Fatal(err)
	}
	session := access.NewToken()
	if _, err := d.openSession(access.HashToken(session), nil, "alice"); err != nil {
		t.Fatal(err)
	}
	all := dbtest.Written(t, d.path)
	for name, text := range map[string][]byte{"hash": f.Hash, "session's hash": access.HashToken(session)} {
		if !bytes.Contains(all, text) {
			t.Errorf("the %s is not found: this test does not see what is written", name)
		}
	}
	for name, text := range map[string][]byte{
		"key": []byte(secret.Reveal()), "key's random part": []byte(secret.Reveal()[3:35]), "session id": []byte(session),
		"session hash key": d.Secrets().SessionKeys[0].Hash, "session block key": d.Secrets().SessionKeys[0].Block,
		"root secret": []byte(d.digits), "form's once": []byte(pasted),
	} {
		if bytes.Contains(all, text) {
			t.Errorf("the %s is written down", name)
		}
	}
}

func TestAnyPathWillDo(t *testing.T) {
	for _, name := range []string{
		"with space.db", "what?mode=memory.db", "#1.db", "50%.db", "%20.db", "%2F.db", "a&b=c;d+e.db", "ümläut 鍵.db", "'\".db",
		":memory:", "file:x.db",
	} {
		folder := filepath.Join(t.TempDir(), "in "+name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, name)
		d := deskAt(t, path)
		d.alice = d.addUser("alice")
		_, hash := d.makeKey(d.alice)
		d.reopen()
		if got := d.verdict(hash); got != access.Accepted {
			t.Errorf("%s: the key is %s", name, got)
		}
		reader, err := db.OpenToRead(t.Context(), path, time.Now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := verdict(t, reader, hash); got != access.Accepted {
			t.Errorf("%s: read, the key is %s", name, got)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		d.close()
		files, err := os.ReadDir(folder)
		if err != nil || len(files) != 2 || files[0].Name() != name || files[1].Name() != name+".lock" {
			t.Errorf("%s: the files are %v, %v", name, files, err)
		}
	}
}

// DUR-1: a first start that was killed between its migration and its secrets begins anew.
func TestFirstStartThatWasCutShortBeginsAnew(t *testing.T) {
	d := emptyDesk(t)
	d.close()
	dbtest.Exec(t, d.path, `DELETE FROM secrets`)
	d.digits = access.NewRootSecret()
	d.open()
	d.alice = d.addUser("alice")
	if _, hash := d.makeKey(d.alice); d.verdict(hash) != access.Accepted {
		t.Error("a key that was made is not accepted")
	}
}
