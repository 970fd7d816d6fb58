package db_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// DUR-11
func TestSecondProcessIsRefused(t *testing.T) {
	d := newSQLiteDesk(t)
	folder := filepath.Dir(d.path)
	link, linked := filepath.Join(t.TempDir(), "link.db"), filepath.Join(t.TempDir(), "folder")
	if err := errors.Join(os.Symlink(d.path, link), os.Symlink(folder, linked)); err != nil {
		t.Fatal(err)
	}
	t.Chdir(folder)
	for name, path := range map[string]string{
		"the same path":    d.path,
		"another spelling": folder + "/./x/../" + filepath.Base(d.path),
		"relative":         filepath.Base(d.path),
		"linked file":      link,
		"linked folder":    filepath.Join(linked, filepath.Base(d.path)),
	} {
		o := d.options()
		o.Database = path
		other, err := db.Open(t.Context(), o)
		if !errors.Is(err, db.ErrInUse) {
			t.Errorf("%s: %v", name, err)
		}
		if other != nil {
			_ = other.Close()
		}
	}
	d.makeKey(d.alice) // the first goes on
	d.reopen()         // and frees the lock
}

// spoil makes a real database of d's, closes it, and returns its content for a row to spoil.
func spoil(t *testing.T, d *desk) []byte {
	t.Helper()
	d.open()
	d.alice = d.addUser("alice")
	for range 20 {
		d.makeKey(d.alice)
	}
	d.close()
	content, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

const page = 4096 // bytes of an SQLite page

func overwrite(t *testing.T, d *desk, at int) {
	t.Helper()
	content := spoil(t, d)
	if len(content) < at+page {
		t.Fatalf("the database has %d bytes", len(content))
	}
	_, _ = rand.Read(content[at : at+page])
	write(t, d.path, content)
}

// DUR-9, DUR-12
func TestFileThatCannotBeUsedIsLeftAsItIs(t *testing.T) {
	foreign := `CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine'); `
	for name, row := range map[string]struct {
		prepare  func(t *testing.T, d *desk)
		open     error
		readable bool
	}{
		"text":        {func(t *testing.T, d *desk) { write(t, d.path, []byte("Dear diary,\n")) }, db.ErrDamaged, false},
		"long text":   {func(t *testing.T, d *desk) { write(t, d.path, []byte(strings.Repeat("diary ", 9999))) }, db.ErrDamaged, false},
		"zeros":       {func(t *testing.T, d *desk) { write(t, d.path, make([]byte, 3*page)) }, db.ErrDamaged, false},
		"cut in half": {func(t *testing.T, d *desk) { c := spoil(t, d); write(t, d.path, c[:len(c)/2/page*page]) }, db.ErrDamaged, false},
		"cut in a page": {
			func(t *testing.T, d *desk) { c := spoil(t, d); write(t, d.path, c[:len(c)/2/page*page+100]) },
			db.ErrDamaged, false,
		},
		"one page left":    {func(t *testing.T, d *desk) { write(t, d.path, spoil(t, d)[:page]) }, db.ErrDamaged, false},
		"header left":      {func(t *testing.T, d *desk) { write(t, d.path, spoil(t, d)[:100]) }, db.ErrDamaged, false},
		"first page":       {func(t *testing.T, d *desk) { overwrite(t, d, 0) }, db.ErrDamaged, false},
		"third page":       {func(t *testing.T, d *desk) { overwrite(t, d, 2*page) }, db.ErrDamaged, false},
		"tenth page":       {func(t *testing.T, d *desk) { overwrite(t, d, 9*page) }, db.ErrDamaged, false},
		"another database": {func(t *testing.T, d *desk) { dbtest.Exec(t, d.path, foreign) }, db.ErrForeign, false},
		"another program's": {
			func(t *testing.T, d *desk) { dbtest.Exec(t, d.path, foreign+`PRAGMA application_id = 1196444487`) },
			db.ErrForeign, false,
		},
		"another's with goose": {
			func(t *testing.T, d *desk) {
				dbtest.Exec(t, d.path, foreign+`CREATE TABLE goose_db_version (version_id INTEGER); INSERT INTO goose_db_version VALUES (1)`)
			},
			db.ErrForeign, false,
		},
		"another's with goose at its start": {
			func(t *testing.T, d *desk) {
				dbtest.Exec(t, d.path, foreign+`CREATE TABLE goose_db_version (version_id INTEGER); INSERT INTO goose_db_version VALUES (0)`)
			},
			db.ErrForeign, false,
		},
		"one byte": {func(t *testing.T, d *desk) { write(t, d.path, []byte("x")) }, db.ErrDamaged, false},
		"cut to nothing": {
			func(t *testing.T, d *desk) { write(t, d.path, nil); write(t, d.path+"-wal", []byte("frames")) },
			db.ErrDamaged, false,
		},
		"newer": {
			func(t *testing.T, d *desk) {
				spoil(t, d)
				dbtest.Exec(t, d.path, newerTables+`UPDATE oldest_program SET migration = 99999`)
			},
			db.ErrNewer, false,
		},
		"secrets missing": {
			func(t *testing.T, d *desk) { spoil(t, d); dbtest.Exec(t, d.path, `DELETE FROM secrets`) }, db.ErrDamaged, true,
		},
		"one secret missing": {
			func(t *testing.T, d *desk) {
				spoil(t, d)
				dbtest.Exec(t, d.path, `DELETE FROM secrets WHERE kind = 'session'`)
			},
			db.ErrDamaged, true,
		},
		"wrong root secret": {
			func(t *testing.T, d *desk) { spoil(t, d); d.digits = access.NewRootSecret() }, db.ErrWrongSecret, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{
				t: t, path: dbtest.NewFile(t), digits: access.NewRootSecret(),
				operator: access.TheOperator(),
			}
			row.prepare(t, d)
			before := sum(t, d.path)
			opened, err := db.Open(t.Context(), d.options())
			if opened != nil {
				_ = opened.Close()
			}
			if !errors.Is(err, row.open) || !strings.Contains(err.Error(), d.path) {
				t.Errorf("open: %v, want %v with the path", err, row.open)
			}
			reader, err := db.OpenToRead(t.Context(), d.path, time.Now)
			if reader != nil {
				_ = reader.Close()
			}
			if row.readable != (err == nil) || !row.readable && !errors.Is(err, row.open) {
				t.Errorf("open to read: %v", err)
			}
			if sum(t, d.path) != before {
				t.Error("the file has changed")
			}
		})
	}
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

// DUR-11: under each name it would have a lock of its own.
func TestFileOfTwoNamesIsRefused(t *testing.T) {
	d := newSQLiteDesk(t)
	d.close()
	name := filepath.Join(t.TempDir(), "other.db")
	if err := os.Link(d.path, name); err != nil {
		t.Fatal(err)
	}
	o := d.options()
	for _, o.Database = range []string{d.path, name} {
		if _, err := db.Open(t.Context(), o); !errors.Is(err, db.ErrHardLinked) {
			t.Errorf("%s: %v", o.Database, err)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	d.open()
}

// DUR-11: what it points to would be made beside the lock of another name.
func TestLinkToNothingIsRefused(t *testing.T) {
	folder := t.TempDir()
	d := &desk{t: t, path: filepath.Join(folder, "link.db")}
	if err := os.Symlink(filepath.Join(folder, "target.db"), d.path); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Open(t.Context(), d.options()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if _, err := db.OpenToRead(t.Context(), d.path, time.Now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open to read: %v", err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("the files are %v, %v", files, err)
	}
}

func TestFolderIsNoDatabase(t *testing.T) {
	d := &desk{t: t, path: dbtest.NewFile(t)}
	if err := os.Mkdir(d.path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Open(t.Context(), d.options()); !errors.Is(err, db.ErrForeign) {
		t.Errorf("open: %v", err)
	}
	if _, err := db.OpenToRead(t.Context(), d.path, time.Now); !errors.Is(err, db.ErrForeign) {
		t.Errorf("open to read: %v", err)
	}
}

func TestMissingFolderIsNotMade(t *testing.T) {
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "missing", "keydesk.db")}
	if _, err := db.Open(t.Context(), d.options()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	if _, err := db.OpenToRead(t.Context(), d.path, time.Now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open to read: %v", err)
	}
	if _, err := os.Stat(filepath.Dir(d.path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}
