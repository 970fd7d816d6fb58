package handlers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
)

// Inner is the server of an inner network. It answers verify, as the desk's own address does, and the metrics, which are
// here only. Every request of every service asks here, so it is served by fasthttp, which takes a quarter less of a
// processor for it than net/http; docs/benchmarks.md has the figures.
type Inner struct {
	app     *App
	server  *fasthttp.Server
	metrics fasthttp.RequestHandler
}

// Inner returns the server of an inner network, which serves as soon as it is told to.
func (a *App) Inner() *Inner {
	in := &Inner{app: a, metrics: fasthttpadaptor.NewFastHTTPHandler(a.metrics.handler)}
	in.server = &fasthttp.Server{
		Handler:        in.handle,
		HeaderReceived: withoutBody,
		ErrorHandler:   unreadable,
		ReadBufferSize: 16 << 10, // what net/http takes of headers at the other address
		ReadTimeout:    5 * time.Second,
		WriteTimeout:   30 * time.Second,
		IdleTimeout:    2 * time.Minute,
		ConnState:      restedInside,

		MaxIdleWorkerDuration: 2 * time.Second, // so soon after a flood nothing is left of it

		CloseOnShutdown:       true,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		SecureErrorLogMessage: true,
		Logger:                quietLog{a.Log},
	}
	return in
}

// Serve answers what comes to the listener, until Shutdown.
func (in *Inner) Serve(l net.Listener) error {
	return in.server.Serve(lingeringListener{l, in.app.Log})
}

// Shutdown lets the requests under way end, and takes no more.
func (in *Inner) Shutdown(ctx context.Context) error { return in.server.ShutdownWithContext(ctx) }

// withoutBody has a request answered as if it had no body, and its connection closed then: verify never reads one.
func withoutBody(h *fasthttp.RequestHeader) (none fasthttp.RequestConfig) {
	h.Del("Expect")
	if length := h.ContentLength(); length > 0 || length == chunked {
		h.SetContentLength(0)
		h.SetConnectionClose()
	}
	return none
}

// chunked is the length that fasthttp gives a body which comes in chunks.
const chunked = -1

func (in *Inner) handle(ctx *fasthttp.RequestCtx) {
	defer func() {
		if p := recover(); p != nil { // fasthttp would let it end the desk
			ctx.Response.Reset()
			in.app.unavailable(panicError(p)).give(ctx)
		}
	}()
	if p := peerOf(ctx.Conn()); p != nil {
		p.work()
	}
	if ctx.Request.Header.ConnectionClose() {
		linger(ctx)
	}
	path, err := url.PathUnescape(string(ctx.URI().PathOriginal()))
	switch {
	case err == nil && isVerify(path):
		in.verify(ctx)
	case err != nil || path != "/metrics":
		newProblem(http.StatusNotFound, "not_found", "Only /api/v1/verify and /metrics are here.", header{}).give(ctx)
	case !ctx.IsGet() && !ctx.IsHead():
		newProblem(http.StatusMethodNotAllowed, "method", "Metrics are read with GET.", header{"Allow", "GET, HEAD"}).give(ctx)
	default:
		in.metrics(ctx)
	}
}

// verify answers whether the key that came with the request is good, as App.verify does.
func (in *Inner) verify(ctx *fasthttp.RequestCtx) {
	v, _ := in.app.verifies.Get().(*verifying)
	defer in.app.verifies.Put(v)
	h := &ctx.Request.Header
	q := question{odd: ctx.IsTrace() || ctx.IsConnect(), service: string(h.Peek("X-Keydesk-Service"))}
	for _, value := range h.PeekAll("X-Api-Key") {
		q.apiKey(string(value))
	}
	for _, value := range h.PeekAll("Authorization") {
		q.authorization(string(value))
	}
	got := in.app.answer(v, q, func() string { return in.app.addressOf(ctx) })
	if conn, ok := ctx.Conn().(*lingeringConn); ok && got.status == http.StatusUnauthorized {
		conn.pace.refuse(&in.app.refusing)
	}
	got.give(ctx)
}

// unreadable answers what is no request, after which the connection is closed.
func unreadable(ctx *fasthttp.RequestCtx, err error) {
	linger(ctx)
	if _, ok := errors.AsType[*fasthttp.ErrSmallBuffer](err); ok {
		newProblem(http.StatusRequestHeaderFieldsTooLarge, "headers", "The headers of the request are too large.", header{}).give(ctx)
		return
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// Also of a connection that was opened ahead, whose client must not take this for an answer (RFC 9110, 15.5.9).
		newProblem(http.StatusRequestTimeout, "timeout", "The request did not come in time.", header{}).give(ctx)
		return
	}
	newProblem(http.StatusBadRequest, "request", "That is no request that can be read.", header{}).give(ctx)
}

// linger has the connection linger when it is closed.
func linger(ctx *fasthttp.RequestCtx) {
	if conn, ok := ctx.Conn().(*lingeringConn); ok {
		conn.linger = true
	}
}

// give writes the answer.
func (got reply) give(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.DisableNormalizing() // the names are spelt as they go out
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	for _, header := range got.headers {
		if header.name != "" {
			h.Set(header.name, header.value)
		}
	}
	ctx.SetStatusCode(got.status)
	ctx.Response.AppendBody(got.body)
}

// addressOf returns the address of the client, found as at the desk's own address.
func (a *App) addressOf(ctx *fasthttp.RequestCtx) string {
	forwarded := ctx.Request.Header.PeekAll("X-Forwarded-For")
	if len(a.Proxies) == 0 || len(forwarded) == 0 {
		return ctx.RemoteIP().String()
	}
	r := &http.Request{RemoteAddr: ctx.RemoteAddr().String(), Header: http.Header{}}
	for _, value := range forwarded {
		r.Header.Add("X-Forwarded-For", string(value))
	}
	return a.echo.IPExtractor(r)
}
