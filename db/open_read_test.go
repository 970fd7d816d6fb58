package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

func TestReadingMakesNoDatabase(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keydesk.db") // of SQLite
	if _, err := db.OpenToRead(t.Context(), path, time.Now); !errors.Is(err, db.ErrAbsent) {
		t.Errorf("of nothing: %v", err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Errorf("the files are %v, %v", files, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := db.OpenToRead(t.Context(), path, time.Now); !errors.Is(err, db.ErrAbsent) {
		t.Errorf("of an empty file: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the file is %v, %v", info, err)
	}
}

func TestReaderBesideTheWriterSeesItsChanges(t *testing.T) {
	d := newDesk(t)
	reader, err := db.OpenToRead(t.Context(), d.path, d.now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	want := func(hash []byte, want access.Verdict) {
		t.Helper()
		if got := verdict(t, reader, hash); got != want {
			t.Errorf("the reader says %s, want %s", got, want)
		}
	}
	key, hash := d.makeKey(d.alice)
	want(hash, access.Accepted)
	d.deactivate(d.alice, key.ID)
	want(hash, access.Deactivated)
	d.addUser("carol")
	if people, _, err := reader.Users(t.Context(), d.operator, "", ""); err != nil || len(people) != 4 {
		t.Errorf("the reader sees %d people, %v", len(people), err)
	}
	exported := 0
	err = reader.Export(t.Context(), d.operator, "", reading(nothing, func(access.Key) error { exported++; return nil }))
	if err != nil || exported != 1 {
		t.Errorf("the reader exports %d keys, %v", exported, err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	d.makeKey(d.alice) // the writer goes on
}

// A reader holds no lock and opens no secret.
func TestReaderDoesNotKeepTheWriterOut(t *testing.T) {
	d := newDesk(t)
	_, hash := d.makeKey(d.alice)
	d.close()
	reader, err := db.OpenToRead(t.Context(), d.path, d.now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if s := reader.Secrets(); s.Pepper.ID != "" || s.SessionKeys != nil {
		t.Error("a reader has secrets")
	}
	d.open()
	d.makeKey(d.alice)
	if got := verdict(t, reader, hash); got != access.Accepted {
		t.Errorf("the reader says %s", got)
	}
}
