package handlers_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// fullListener has no file left for the first connections.
type fullListener struct {
	net.Listener
	refusals atomic.Int32
}

func (l *fullListener) Accept() (net.Conn, error) {
	if l.refusals.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// VER-2: too many connections are a reason to wait, not to end.
func TestInnerAddressOutlivesALackOfFiles(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.newKey("alice")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	d.must(err)
	full := &fullListener{Listener: listener}
	full.refusals.Store(2)
	inner := d.app.Inner()
	served := make(chan error, 1)
	go func() { served <- inner.Serve(full) }()
	d.asks = "http://" + listener.Addr().String()
	d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
	d.must(errors.Join(inner.Shutdown(t.Context()), <-served))
	if told := strings.Count(d.log.String(), "cannot accept a connection"); told != 2 {
		t.Errorf("told %d times of 2 refusals: %s", told, d.log.String())
	}
}

// VER-10: what is no request gets an answer of ours too.
func TestWhatIsNoRequestIsAnswered(t *testing.T) {
	d := newDesk(t)
	v := d.insider()
	for _, header := range []string{"X-Api-Key\x00", "X-Api Key\x01"} {
		v.header = http.Header{header: {"kd_x"}}
		got := v.raw(http.MethodGet, verifyPath).is(http.StatusBadRequest)
		got.headers(t, map[string]string{
			"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		})
		if !strings.Contains(got.body, `"code":"request"`) {
			t.Errorf("it says %s", got.body)
		}
	}
}
