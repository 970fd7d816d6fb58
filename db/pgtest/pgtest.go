// Package pgtest runs private PostgreSQL servers for tests.
package pgtest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Tests are those of a package, for goleak: with the last of them ends the server that they shared.
type Tests struct{ *testing.M }

// Run runs the tests, and then stops the shared server and removes its folder. It returns the tests' exit code, and 1 if
// they passed but the folder stays.
func (t Tests) Run() int {
	code := t.M.Run()
	if guarded == nil {
		return code
	}
	if err := guarded.leave(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
		return 1
	}
	return code
}

// Database returns the DSN of a new, empty database in a server that all tests of the process share. It is dropped when
// the test ends, whoever is still connected to it.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, "template1")
}

// Copy is like Database, but for what is in the database: prepare fills one that all the copies are made from. It is
// called once in a process, so whoever calls Copy there has to pass the same.
func Copy(t testing.TB, prepare func(dsn string) error) string {
	t.Helper()
	original.once.Do(func() {
		original.err = errors.New("it gave up") // stays if prepare ends the test
		original.err = fill(sharedServer(t), prepare)
	})
	if original.err != nil {
		t.Fatalf("prepare the database to copy: %v", original.err)
	}
	return create(t, originalName)
}

// Twin returns the DSN of a new database with what is in another of Database or Copy, which nobody is connected to.
func Twin(t testing.TB, dsn string) string {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return create(t, config.Database)
}

// shared returns the server of Database and Copy. No test can hold it, as it outlives them all. It promises to survive
// a crash as little as its folder does, and is fast for it.
var shared = sync.OnceValues(func() (*Server, error) {
	p, err := place()
	if err != nil {
		return nil, err
	}
	return p.newServer([]string{"fsync=off", "full_page_writes=off", "max_connections=400", "shared_buffers=64MB"})
})

// original is what Copy copies.
var original struct {
	once sync.Once
	err  error
}

const originalName = "original"

func sharedServer(t testing.TB) *Server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	return s
}

// create makes a database for the length of a test.
func create(t testing.TB, template string) string {
	t.Helper()
	s := sharedServer(t)
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	// To copy files takes half as long as to write each page of them to the log too.
	if err := s.execute("CREATE DATABASE " + quoted(name) + " STRATEGY file_copy TEMPLATE " + quoted(template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.execute("DROP DATABASE " + quoted(name) + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.DSN(name)
}

// fill makes the database to copy. PostgreSQL copies none that somebody is connected to, so whoever was is sent away.
func fill(s *Server, prepare func(dsn string) error) error {
	if err := s.execute("CREATE DATABASE " + quoted(originalName)); err != nil {
		return err
	}
	if err := prepare(s.DSN(originalName)); err != nil {
		return err
	}
	return s.execute("ALTER DATABASE "+quoted(originalName)+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '"+originalName+"'")
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
