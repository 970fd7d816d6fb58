//go:build unix

package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// link is the way of an instance to the database. Who asks the instance comes another way, which is never cut.
type link interface {
	program(name string, args ...string) *exec.Cmd // prepares a program at the instance's end
	address() string                               // a free address at the instance's end
	servers() string                               // the database servers as they are reached from there
	cut()                                          // lets nothing through, without a word to either end
	mend()
}

// newLinks makes so many links: networks where the tests may make some, and relays elsewhere.
func newLinks(c *cluster, n int) (links []link) {
	c.t.Helper()
	if os.Geteuid() == 0 && exec.Command("ip", "netns", "list").Run() == nil {
		return newNetworks(c, n)
	}
	for range n {
		l := &relays{t: c.t}
		for _, server := range c.servers("127.0.0.1") {
			l.each = append(l.each, newRelay(c.t, server))
		}
		links = append(links, l)
	}
	return links
}

// relays are a link over loopback.
type relays struct {
	t    *testing.T
	each []*relay
}

func (l *relays) program(name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

func (l *relays) address() string { return freeAddress(l.t) }

func (l *relays) servers() string {
	var all []string
	for _, r := range l.each {
		all = append(all, r.address())
	}
	return strings.Join(all, ",")
}

func (l *relays) cut() {
	for _, r := range l.each {
		r.cut()
	}
}

func (l *relays) mend() {
	for _, r := range l.each {
		r.mend()
	}
}

// relay passes connections on to a server. While it is cut it keeps them, and lets nothing through.
type relay struct {
	listener net.Listener
	to       string
	ctx      context.Context
	mu       sync.Mutex
	whole    chan struct{} // closed while it is not cut
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &relay{listener: listener, to: to, ctx: ctx, whole: make(chan struct{})}
	close(r.whole)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.serve()
	}()
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		<-done
	})
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) serve() {
	var passing sync.WaitGroup
	defer passing.Wait()
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		passing.Go(func() { r.pass(from) })
	}
}

// pass lets a connection through until one of its ends has closed it.
func (r *relay) pass(from net.Conn) {
	defer func() { _ = from.Close() }()
	r.wait()
	to, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	stop := context.AfterFunc(r.ctx, func() { _, _ = from.Close(), to.Close() })
	defer stop()
	var both sync.WaitGroup
	for a, b := range map[net.Conn]net.Conn{from: to, to: from} {
		both.Go(func() {
			_, _ = io.Copy(behind{r, b}, a)
			r.wait()
			_, _ = a.Close(), b.Close()
		})
	}
	both.Wait()
}

// behind writes what gets through.
type behind struct {
	*relay
	io.Writer
}

func (b behind) Write(p []byte) (int, error) {
	b.wait()
	return b.Writer.Write(p)
}

// wait returns when something gets through.
func (r *relay) wait() {
	r.mu.Lock()
	whole := r.whole
	r.mu.Unlock()
	select {
	case <-whole:
	case <-r.ctx.Done():
	}
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.whole = make(chan struct{})
}

func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.whole)
}
