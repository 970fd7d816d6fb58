package handlers

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

// lingerTime is how long a connection is read after its last answer, before it is closed. net/http waits as long.
const lingerTime = 500 * time.Millisecond

// lingeringListener accepts connections that can linger. It goes on when the process has no file left for one, of which
// fasthttp would make the end of the server.
type lingeringListener struct {
	net.Listener
	log *slog.Logger
}

func (l lingeringListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if errno, ok := errors.AsType[syscall.Errno](err); ok && errno.Temporary() {
			l.log.Warn("cannot accept a connection at the inner address; trying again", "error", err)
			time.Sleep(time.Second) // as net/http does at its longest: meanwhile some connection may end
			continue
		}
		if err != nil {
			return nil, err
		}
		return &lingeringConn{Conn: conn, pace: newPace()}, nil
	}
}

// lingeringConn is closed on its own side first where it is to linger: what was sent and never read, such as a body, would
// otherwise have the connection reset, and the answer be lost on its way.
type lingeringConn struct {
	net.Conn
	linger bool // set while a request is answered, by who closes it then
	pace   pace
}

func (c *lingeringConn) Close() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger && half.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, c.Conn)
	}
	return c.Conn.Close()
}

// peerOf returns the counted connection behind one of the inner address, or nil where none are counted.
func peerOf(conn net.Conn) *peer {
	if c, ok := conn.(*lingeringConn); ok {
		conn = c.Conn
	}
	p, _ := conn.(*peer)
	return p
}

// restedInside keeps note of who waits for a request, as fasthttp.Server.ConnState. Its StateActive is of the first byte, of
// which one could be sent and no more, so that who is at a request is noted by handle.
func restedInside(conn net.Conn, state fasthttp.ConnState) {
	if p := peerOf(conn); p != nil && state == fasthttp.StateIdle {
		p.rest()
	}
}

// quietLog is where fasthttp tells of connections that go wrong. It quotes what came, which anybody could put a key into,
// so only what kind of thing it tells is kept, for who debugs.
type quietLog struct{ *slog.Logger }

func (l quietLog) Printf(format string, _ ...any) { l.Debug("inner address", "kind", format) }
