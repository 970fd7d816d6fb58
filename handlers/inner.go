package handlers

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/keydesk/keydesk/access"
)

// Inner is the server of an inner network. It answers verify, as the desk's own address does, and the metrics, which are
// here only. Every request of every service asks here, so it is served by fasthttp, which takes a third less of a
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
		ReadBufferSize: 16 << 10, // what net/http takes of headers at the other address
		ReadTimeout:    5 * time.Second,
		WriteTimeout:   30 * time.Second,
		IdleTimeout:    2 * time.Minute,

		CloseOnShutdown:       true,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		SecureErrorLogMessage: true,
		Logger:                maskedLog{a.Log},
	}
	return in
}

// Serve answers what comes to the listener, until Shutdown.
func (in *Inner) Serve(l net.Listener) error { return in.server.Serve(l) }

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
	path, err := url.PathUnescape(string(ctx.URI().PathOriginal()))
	switch {
	case err == nil && isVerify(path):
		in.verify(ctx)
	case err != nil || path != "/metrics":
		in.problem(ctx, http.StatusNotFound, "not_found", "Only /api/v1/verify and /metrics are here.", header{})
	case !ctx.IsGet() && !ctx.IsHead():
		in.problem(ctx, http.StatusMethodNotAllowed, "method", "Metrics are read with GET.", header{"Allow", "GET, HEAD"})
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
	in.app.answer(v, q, func() string { return in.app.addressOf(ctx) }).give(ctx)
}

func (in *Inner) problem(ctx *fasthttp.RequestCtx, status int, code, detail string, more header) {
	v, _ := in.app.verifies.Get().(*verifying)
	defer in.app.verifies.Put(v)
	v.problem(status, code, detail, more).give(ctx)
}

// give writes the answer.
func (got reply) give(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
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

// maskedLog is where fasthttp tells of connections that go wrong, with which it quotes what came. That is everybody's to
// send, so it is told to who debugs only.
type maskedLog struct{ *slog.Logger }

func (l maskedLog) Printf(format string, args ...any) {
	l.Debug("inner address", "told", access.MaskSecrets(fmt.Sprintf(format, args...)))
}
