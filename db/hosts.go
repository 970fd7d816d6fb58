package db

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// whereabouts is where the database was found last, and who is connected to what.
type whereabouts struct {
	primary atomic.Pointer[pgx.ConnConfig]
	conns   sync.Map // of every *trackedConn
}

// trackedConn is a connection of whereabouts, until it is closed.
type trackedConn struct {
	net.Conn
	known *whereabouts
}

// Close closes the connection.
func (c *trackedConn) Close() error {
	c.known.conns.Delete(c)
	return c.Conn.Close()
}

// dial connects to a host. Nobody waits longer than some seconds for one that has gone without a word.
func (w *whereabouts) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3,
	}}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{conn, w}
	w.conns.Store(tracked, nil)
	return tracked, nil
}

// moved notes that this is the primary now, and cuts the connections to any other: whoever waits for an answer there is
// not to wait for it in vain.
func (w *whereabouts) moved(to *pgx.ConnConfig, address net.Addr) {
	w.primary.Store(to)
	w.conns.Range(func(c, _ any) bool {
		if conn, ok := c.(*trackedConn); ok && conn.RemoteAddr().String() != address.String() {
			_ = conn.Close()
		}
		return true
	})
}

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
			s.known.moved(a.from, a.conn.PgConn().Conn().RemoteAddr())
			rest := context.WithoutCancel(ctx)
			go func() { // the others, of which none is waited for
				for range cap(answers) - 1 {
					if late := <-answers; late.conn != nil {
						_ = late.conn.Close(rest)
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
	if p := s.known.primary.Load(); p != nil {
		config.Host, config.Port, config.TLSConfig, config.Fallbacks = p.Host, p.Port, p.TLSConfig, p.Fallbacks
	}
	return nil
}
