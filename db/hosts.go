package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// hosts returns how to reach each host that the URL names. One that is to be tried with TLS and without is tried so in turn.
func (s *server) hosts() (hosts []*pgx.ConnConfig) {
	named := append([]*pgconn.FallbackConfig{{
		Host: s.config.Host, Port: s.config.Port, TLSConfig: s.config.TLSConfig,
	}}, s.config.Fallbacks...)
	for _, n := range named {
		if last := len(hosts) - 1; last >= 0 && hosts[last].Host == n.Host && hosts[last].Port == n.Port {
			hosts[last].Fallbacks = append(hosts[last].Fallbacks, n)
			continue
		}
		h := s.config.Copy()
		h.Host, h.Port, h.TLSConfig, h.Fallbacks = n.Host, n.Port, n.TLSConfig, nil
		hosts = append(hosts, h)
	}
	return hosts
}

// find connects to all hosts at once, returns the first that is the primary, and notes it for the pools: one that is gone
// may say nothing for as long as it is waited for.
func (s *server) find(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		conn *pgx.Conn
		err  error
		from *pgx.ConnConfig
	}
	hosts := s.hosts()
	answers := make(chan answer, len(hosts))
	for _, h := range hosts {
		go func() {
			conn, err := pgx.ConnectConfig(ctx, h)
			answers <- answer{conn, err, h}
		}()
	}
	var failed error
	for range hosts {
		a := <-answers
		if a.err == nil {
			s.primary.Store(a.from)
			go func() { // the others, of which none is waited for
				for range cap(answers) - 1 {
					if late := <-answers; late.conn != nil {
						_ = late.conn.Close(context.Background())
					}
				}
			}()
			return a.conn, nil
		}
		if failed == nil || a.from.Host == s.config.Host && a.from.Port == s.config.Port {
			failed = a.err // of the first one that is named, unless that is not to be waited for
		}
	}
	return nil, failed
}

// toPrimary has a connection of a pool go where the primary was found last.
func (s *server) toPrimary(_ context.Context, config *pgx.ConnConfig) error {
	if p := s.primary.Load(); p != nil {
		config.Host, config.Port, config.TLSConfig, config.Fallbacks = p.Host, p.Port, p.TLSConfig, p.Fallbacks
	}
	return nil
}
