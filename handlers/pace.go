package handlers

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// The least time between two refusals on a connection: refusalPause for each refusalsAtOnce connections that wait for it at
// the same time, so that there are not many more than refusalsAtOnce in each refusalPause, however many connections ask;
// refusalLong at most.
const (
	refusalPause   = time.Millisecond
	refusalsAtOnce = 8
	refusalLong    = 50 * time.Millisecond
)

// pace keeps the refusals on a connection apart, so that who floods the desk with bad keys has less of it than who asks
// about good ones (THREATS VER-2). It remembers nothing beyond the connection, and who is refused once in a while waits for
// nothing.
type pace struct{ last time.Time }

// newPace returns the pace of a new connection, whose first refusal has its pause too: a flood gains nothing by connecting
// anew.
func newPace() pace { return pace{time.Now()} }

// refuse waits until the next refusal may be told; waiting counts those that wait, on all connections.
func (p *pace) refuse(waiting *atomic.Int64) {
	n := waiting.Add(1)
	pause := min(refusalPause*time.Duration((n+refusalsAtOnce-1)/refusalsAtOnce), refusalLong)
	time.Sleep(time.Until(p.last.Add(pause)))
	p.last = time.Now()
	waiting.Add(-1)
}

type paceKey struct{}

// Paced gives a connection its pace, as http.Server.ConnContext: the requests on it come one after the other.
func Paced(ctx context.Context, _ net.Conn) context.Context {
	p := newPace()
	return context.WithValue(ctx, paceKey{}, &p)
}
