package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// Server is a PostgreSQL server.
type Server struct {
	t         testing.TB // whose server it is; nil: everybody's
	home      *home
	dir       string // holds its data, log and socket
	port      int
	process   *os.Process
	ended     <-chan struct{} // closed once its last process has ended
	killed    bool
	databases atomic.Int64 // how many were made
}

// Start starts a server for one test, which keeps to PostgreSQL's own settings but for these, each name=value. It is
// stopped and removed when the test ends.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	h, err := place()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	s, err := h.newServer(settings)
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	s.belongsTo(t)
	return s
}

func (s *Server) belongsTo(t testing.TB) {
	s.t = t
	t.Cleanup(func() {
		s.stop()
		s.clearUp()
		if err := os.RemoveAll(s.dir); err != nil {
			t.Error(err)
		}
	})
}

// DSN returns how to reach a database of the server, as a superuser. PostgreSQL makes one that is named postgres.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.port, database)
}

// CreateDatabase makes an empty database.
func (s *Server) CreateDatabase(name string) {
	s.t.Helper()
	if err := s.execute("CREATE DATABASE " + quoted(name)); err != nil {
		s.t.Fatal(err)
	}
}

// newServer makes and starts a server whose texts sort as people's do, so that whoever needs them in the order of their
// bytes has to say so.
func (h *home) newServer(settings []string) (*Server, error) {
	dir, err := h.newFolder(h.dir)
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, dir: dir}
	if err := h.run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C",
		"--locale-provider=icu", "--icu-locale=en-US", "--pgdata="+s.data()); err != nil {
		return nil, err
	}
	return s, s.startFirst(settings)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) log() string { return filepath.Join(s.dir, "log") }
