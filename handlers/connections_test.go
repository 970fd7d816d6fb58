package handlers_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/handlers"
)

// few is a server with four connections at most, whose proxy is 127.0.0.1. It answers /held when it is told to.
type few struct {
	t      *testing.T
	addr   string
	held   chan struct{} // takes one for each request that is held
	resume chan struct{} // ends one of them
	idle   chan struct{} // has one for each connection that the server knows to wait since its last answer
	log    *strings.Builder
}

func newFew(t *testing.T) *few {
	t.Helper()
	f := &few{t: t, held: make(chan struct{}), resume: make(chan struct{}), idle: make(chan struct{}, 100), log: &strings.Builder{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = listener.Addr().String()
	_, proxy, _ := net.ParseCIDR("127.0.0.1/32")
	turned := func(conn net.Conn, state http.ConnState) {
		handlers.Turned(conn, state)
		if state == http.StateIdle {
			f.idle <- struct{}{}
		}
	}
	server := &http.Server{ConnState: turned, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			f.held <- struct{}{}
			<-f.resume
		}
	})}
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(handlers.LimitConnections(listener, 4, []*net.IPNet{proxy}, "", slog.New(slog.NewTextHandler(f.log, nil))))
	}()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if said := strings.Count(f.log.String(), "too many connections"); said != 1 {
			t.Errorf("said %d times: %s", said, f.log)
		}
	})
	return f
}

// client is a connection to it.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (f *few) dial(from string) client {
	f.t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		f.t.Fatal(err)
	}
	return client{conn, bufio.NewReader(conn)}
}

func (c client) ask(path string) client {
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	return c
}

// answered tells whether an answer came, rather than the end of the connection.
func (c client) answered() bool {
	got, err := http.ReadResponse(c.in, nil)
	return err == nil && got.Body.Close() == nil && got.StatusCode == http.StatusOK
}

// DOS-3: one connection too many takes the place of the one that has waited the longest, and of no other.
func TestLongestWaitingConnectionMakesRoom(t *testing.T) {
	f := newFew(t)
	var all []client
	for range 5 {
		c := f.dial("127.0.0.1").ask("/")
		if !c.answered() {
			t.Fatal("a proxy has all connections there are")
		}
		<-f.idle
		all = append(all, c)
	}
	for i, c := range all {
		if got, want := c.ask("/").answered(), i > 0; got != want {
			t.Errorf("connection %d goes on: %t", i, got)
		}
	}
}

// DOS-3: a network that is no proxy has half of them; one more takes the place of its own, or none if they are all at a request.
func TestNetworkHasHalfOfTheConnections(t *testing.T) {
	f := newFew(t)
	proxy := f.dial("127.0.0.1").ask("/")
	idle := f.dial("127.0.0.2").ask("/")
	if !proxy.answered() || !idle.answered() {
		t.Fatal("no answer")
	}
	<-f.idle
	<-f.idle
	for range 2 { // the second of which takes the place of the one that waits
		f.dial("127.0.0.2").ask("/held")
		<-f.held
	}
	if idle.ask("/").answered() {
		t.Error("the one that waits stays")
	}
	if f.dial("127.0.0.2").ask("/").answered() {
		t.Error("a third one has come")
	}
	if !proxy.ask("/").answered() || !f.dial("127.0.0.3").ask("/").answered() {
		t.Error("others are not answered")
	}
	f.resume <- struct{}{}
	f.resume <- struct{}{}
}

// DOS-3: where all are at a request, the next one waits for the first that is not, whether that is closed or goes on.
func TestConnectionWaitsForRoom(t *testing.T) {
	f := newFew(t)
	for range 4 {
		f.dial("127.0.0.1").ask("/held")
		<-f.held
	}
	next := f.dial("127.0.0.1").ask("/")
	f.resume <- struct{}{}
	if !next.answered() {
		t.Error("it is not answered")
	}
	for range 3 {
		f.resume <- struct{}{}
	}
}
