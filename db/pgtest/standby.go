package pgtest

import "path/filepath"

// Standby starts a server that receives all that is written to this one, with the settings of this one and these. Once
// it returns, a commit here waits until it is on the disk there too, however long that takes.
func (s *Server) Standby(settings ...string) *Server {
	s.t.Helper()
	standby, err := s.newStandby(settings)
	if err != nil {
		s.t.Fatalf("start a standby: %v", err)
	}
	standby.belongsTo(s.t)
	if err := s.waitFor(standby); err != nil {
		s.t.Fatalf("wait for the standby: %v", err)
	}
	return standby
}

// Promote makes the standby a server of its own, and returns when that takes writes.
func (s *Server) Promote() {
	s.t.Helper()
	if done, err := s.holds("pg_promote()"); err != nil || !done {
		s.t.Fatalf("promote: %t, %v", done, err)
	}
}

func (s *Server) newStandby(settings []string) (*Server, error) {
	dir, err := s.home.newFolder(s.home.dir)
	if err != nil {
		return nil, err
	}
	standby := &Server{home: s.home, dir: dir}
	if err := s.home.run("pg_basebackup", "--no-sync", "--checkpoint=fast", "--write-recovery-conf",
		"--dbname="+s.DSN("postgres"), "--pgdata="+standby.data()); err != nil {
		return nil, err
	}
	// If this server waits for standbys already, the new one must not, as it has none when it is promoted.
	if err := appendTo(filepath.Join(standby.data(), "postgresql.auto.conf"), "synchronous_standby_names = ''\n"); err != nil {
		return nil, err
	}
	return standby, standby.startFirst(settings)
}

// waitFor makes commits of this server wait for its standbys, and returns when they do.
func (s *Server) waitFor(standby *Server) error {
	if err := until(func() (bool, error) {
		return standby.holds("EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')")
	}); err != nil {
		return err
	}
	if err := s.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"); err != nil {
		return err
	}
	if err := until(func() (bool, error) {
		return s.holds("current_setting('synchronous_standby_names') = '*'")
	}); err != nil {
		return err
	}
	// It is the checkpointer that tells all others to wait. It has been told to when new connections know, and reads
	// that before it does what it is asked.
	return s.execute("CHECKPOINT")
}
