package handlers

import (
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keydesk/keydesk/access"
)

// lookedAt is how many connections are looked at to find the one that has waited for long.
const lookedAt = 64

// limitedEvery is how often it is said at most that there are too many connections.
const limitedEvery = time.Minute

// Connections is a listener with so many connections at most, half of them from one network that is no proxy, so that the
// files of the process last for the database too. One more takes the place of one that waits for a request, the longest of
// some that are looked at: who only keeps connections open locks nobody out. Where each is at a request, it waits for the
// first that is not, or is closed if its own network has its half.
type Connections struct {
	net.Listener
	most    int
	proxies []*net.IPNet
	headers string // of what net/http answers by itself
	log     *slog.Logger

	mu     sync.Mutex
	all    peers
	from   map[string]peers // by network
	closed bool
	said   time.Time // when it was last said that there are too many
	room   *sync.Cond
	sought atomic.Bool // somebody waits for room
}

type peers map[*peer]struct{}

// LimitConnections returns the listener, which must be one of TCP, with a limit. What net/http answers by itself gets the
// headers, each with its line's end.
func LimitConnections(l net.Listener, most int, proxies []*net.IPNet, headers string, log *slog.Logger) *Connections {
	limited := &Connections{Listener: l, most: most, proxies: proxies, headers: headers, log: log, all: peers{}, from: map[string]peers{}}
	limited.room = sync.NewCond(&limited.mu)
	return limited
}

// Accept returns the next connection that is within the limit.
func (l *Connections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			_ = conn.Close()
			continue
		}
		if p := l.admit(tcp); p != nil {
			return p, nil
		}
		_ = tcp.Close()
	}
}

// Close ends the listening; the connections stay.
func (l *Connections) Close() error {
	l.mu.Lock()
	l.closed = true
	l.room.Broadcast()
	l.mu.Unlock()
	return l.Listener.Close()
}

// admit counts a connection, or returns nil if it cannot be.
func (l *Connections) admit(conn *net.TCPConn) *peer {
	p := &peer{TCPConn: conn, of: l}
	share := l.most + 1 // all
	if address, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		p.network = access.Network(address.IP.String())
		if !slices.ContainsFunc(l.proxies, func(n *net.IPNet) bool { return n.Contains(address.IP) }) {
			share = (l.most + 1) / 2
		}
	}
	p.rest()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.from[p.network]) >= share {
		l.say(p.network)
		if !l.from[p.network].end() {
			return nil
		}
	}
	for len(l.all) >= l.most && !l.closed {
		l.say(p.network)
		l.sought.Store(true) // before the look: one that comes to rest after the look sees it, and wakes us
		if l.all.end() {
			break
		}
		l.room.Wait()
	}
	l.sought.Store(false)
	if l.closed {
		return nil
	}
	if l.from[p.network] == nil {
		l.from[p.network] = peers{}
	}
	l.all[p], l.from[p.network][p] = struct{}{}, struct{}{}
	return p
}

func (l *Connections) say(network string) {
	if time.Since(l.said) >= limitedEvery {
		l.said = time.Now()
		l.log.Warn("too many connections: those that wait for a request the longest are closed", "most", l.most,
			"there", len(l.all), "network", network, "of it", len(l.from[network]))
	}
}

// end closes one that waits for a request, if there is one, and forgets it. Maps are gone through from a random place.
func (some peers) end() bool {
	var longest *peer
	since, looked := int64(0), 0
	for p := range some {
		if at := p.since.Load(); at > 0 && (longest == nil || at < since) {
			longest, since = p, at
		}
		if looked++; looked >= lookedAt && longest != nil {
			break
		}
	}
	if longest == nil {
		return false
	}
	longest.forget()
	_ = longest.TCPConn.Close()
	return true
}

// peer is a connection that is counted until it is closed.
type peer struct {
	*net.TCPConn
	of      *Connections
	network string
	since   atomic.Int64 // when it began to wait for a request, in nanoseconds; 0 while it is at one
}

// Close closes the connection, and makes room for another.
func (p *peer) Close() error {
	p.of.mu.Lock()
	p.forget()
	p.of.mu.Unlock()
	return p.TCPConn.Close()
}

// forget counts the connection no more, under the lock of the listener.
func (p *peer) forget() {
	delete(p.of.all, p)
	if delete(p.of.from[p.network], p); len(p.of.from[p.network]) == 0 {
		delete(p.of.from, p.network)
	}
	p.of.room.Signal()
}

// rest notes that the connection waits for a request from now on.
func (p *peer) rest() {
	p.since.Store(time.Now().UnixNano())
	if p.of.sought.Load() {
		p.of.mu.Lock()
		p.of.room.Signal()
		p.of.mu.Unlock()
	}
}

// work notes that the connection is at a request.
func (p *peer) work() { p.since.Store(0) }

// Turned keeps note of who waits for a request, as http.Server.ConnState.
func Turned(conn net.Conn, state http.ConnState) {
	p, ok := conn.(*peer)
	switch {
	case !ok:
	case state == http.StateActive:
		p.work()
	case state == http.StateIdle:
		p.rest()
	}
}
