package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// witness is a server that keeps what reached it: each request, and every byte.
type witness struct {
	t       *testing.T
	address string
	handler http.Handler
	raw     buffer
	close   func()

	mu   sync.Mutex
	seen []seen
}

// seen is a request that reached a witness.
type seen struct {
	method, uri, host string
	header            http.Header
	trailer           http.Header
	length            int64 // as announced; -1 is chunked
	body              string
}

func newWitness(t *testing.T, address string, handler http.Handler) *witness {
	t.Helper()
	w := &witness{t: t, address: address, handler: handler}
	w.open()
	t.Cleanup(func() { w.close() })
	return w
}

// open makes it listen, also again after close.
func (w *witness) open() {
	w.t.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	server := &httptest.Server{Listener: tapped{listener, &w.raw}, Config: &http.Server{Handler: w}}
	server.Start()
	w.close = func() {
		server.CloseClientConnections()
		server.Close()
	}
}

func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has gone away
	}
	w.mu.Lock()
	w.seen = append(w.seen, seen{r.Method, r.RequestURI, r.Host, r.Header.Clone(), r.Trailer, r.ContentLength, string(body)})
	w.mu.Unlock()
	w.handler.ServeHTTP(out, r)
}

// take returns what has been seen since the last time, as requests and as bytes.
func (w *witness) take() ([]seen, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.seen
	w.seen = nil
	w.raw.mu.Lock()
	defer w.raw.mu.Unlock()
	raw := w.raw.b.String()
	w.raw.b.Reset()
	return all, raw
}

// tapped is a listener whose connections keep what they read.
type tapped struct {
	net.Listener
	raw io.Writer
}

func (l tapped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return tappedConn{conn, l.raw}, err
}

type tappedConn struct {
	net.Conn
	raw io.Writer
}

func (c tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.raw.Write(p[:n])
	return n, err
}

// servicesPart answers as X-Answer asks, else 200.
func servicesPart(w http.ResponseWriter, r *http.Request) {
	status, err := strconv.Atoi(r.Header.Get("X-Answer"))
	if err != nil {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "served")
}

// desksPart asks the desk at the address, unless the key is one of the words to which it answers as a desk in trouble,
// or something that is no desk, would.
func desksPart(address string) http.Handler {
	desk, err := url.Parse(address)
	if err != nil {
		panic(err) // the desk itself has printed it
	}
	ask := httputil.NewSingleHostReverseProxy(desk)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		word, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer desk-")
		if !ok {
			ask.ServeHTTP(w, r)
			return
		}
		switch status, err := strconv.Atoi(word); {
		case err == nil: // without a name, whatever the status
			w.Header().Set("Location", "https://keys.example.com/login")
			w.WriteHeader(status)
		case word == "hangs":
			<-r.Context().Done()
		case word == "stops":
			stopsHalfway(w)
		case word == "vanishes":
			panic(http.ErrAbortHandler)
		}
	})
}

// stopsHalfway begins a yes and never ends its headers.
func stopsHalfway(w http.ResponseWriter) {
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = out.WriteString("HTTP/1.1 200 OK\r\nX-Keydesk-User: alice\r\nX-Keydesk-Key: 1\r\nContent-Length: 0\r\n")
	_ = out.Flush()
	_, _ = io.Copy(io.Discard, conn) // until the gateway hangs up
}
