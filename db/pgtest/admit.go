package pgtest

import "path/filepath"

// Admit lets everybody from a network in, such as 192.0.2.0/24, and so do the standbys that are made from then on. The
// server listens there only if it is started with listen_addresses=*.
func (s *Server) Admit(network string) {
	s.t.Helper()
	err := appendTo(filepath.Join(s.data(), "pg_hba.conf"), "host all all "+network+" trust\n")
	if err == nil {
		err = s.execute("SELECT pg_reload_conf()")
	}
	if err != nil {
		s.t.Fatalf("admit %s: %v", network, err)
	}
}
