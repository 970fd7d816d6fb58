package handlers

import (
	"context"
	"net"
	"time"
)

// refusalPause is the least time between two refusals on a connection.
const refusalPause = time.Millisecond

// pace keeps the refusals on a connection apart, so that who floods the desk with bad keys has less of it than who asks
// about good ones (THREATS VER-2). It remembers nothing beyond the connection.
type pace struct{ last time.Time }

// refuse waits until the next refusal may be told.
func (p *pace) refuse() {
	time.Sleep(time.Until(p.last.Add(refusalPause)))
	p.last = time.Now()
}

type paceKey struct{}

// Paced gives a connection its pace, as http.Server.ConnContext: the requests on it come one after the other.
func Paced(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, paceKey{}, &pace{})
}
