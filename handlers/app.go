package handlers

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/verify"
	"github.com/keydesk/keydesk/views"
)

// Config is what the web needs to know.
type Config struct {
	DB            *db.DB
	Keys          *verify.Table // every key, as DB has told of it
	Uses          *verify.Uses  // who used them
	Log           *slog.Logger
	Version       string   // for the metrics
	BaseURL       *url.URL // https makes cookies Secure
	KeyPrefix     string
	Limits        access.SessionLimits
	FreshProof    time.Duration       // how old the proof of identity may be where a fresh one is needed; 0 for any age
	AdminPasskeys bool                // administrators need a passkey
	Proxies       []*net.IPNet        // whose X-Forwarded-For is believed
	Local         bool                // reached from this machine only, and so under its own names only
	Demo          []views.DemoAccount // the accounts that the sign-in page lists; empty unless this is a demo
}

// App answers every request.
type App struct {
	Config
	echo      *echo.Echo
	cookies   atomic.Pointer[cookies]
	verifies  sync.Pool    // of *verifying
	refusing  atomic.Int64 // how many connections wait to be refused
	refusals  map[access.Verdict]reply
	buffers   sync.Pool // of *bytes.Buffer, empty
	metrics   *metrics
	party     *webauthn.WebAuthn // the desk as authenticators know it; nil where they cannot
	passwords *line              // where people wait for their password to be hashed
	fallback  []byte             // the 500 page, rendered at start
	headers   []header           // of pages

	failureSaid atomic.Int64 // when it was last said that verify cannot tell
}

// New returns the web application. It fails on a route without a gate or a page that does not render.
func New(c Config) (*App, error) {
	a := &App{
		Config:    c,
		echo:      echo.New(),
		metrics:   newMetrics(c),
		refusals:  newRefusals(),
		passwords: newLine(max(1, runtime.NumCPU()-1)),
		headers:   c.pageHeaders(),
	}
	var err error
	if a.party, err = newParty(c.BaseURL); err != nil {
		return nil, err
	}
	if err := a.renderFallback(); err != nil {
		return nil, err
	}
	a.buffers.New = func() any { return new(bytes.Buffer) }
	a.verifies.New = func() any { return &verifying{body: make([]byte, 0, 256)} }
	a.echo.HTTPErrorHandler = a.fail
	a.echo.IPExtractor = clientAddress(c.Proxies)
	a.echo.Use(a.observe, compress(), a.recoverPanic, a.guard)
	a.echo.Pre(a.protect)
	if err := a.addRoutes(a.routes()); err != nil {
		return nil, err
	}
	return a, nil
}

// ServeHTTP answers verify itself, before the router, so that any method and path below it reach it and nothing that
// pages need stands in its way.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isVerify(r.URL.Path) {
		a.verify(w, r)
		return
	}
	if len(r.TransferEncoding) > 0 {
		// Its length may have come twice, and been read otherwise by a proxy: nothing more is read from there (RFC 9112, 6.1).
		w.Header().Set("Connection", "close")
	}
	a.echo.ServeHTTP(w, r)
}

// isVerify tells whether a path is verify's, or below it.
func isVerify(path string) bool {
	below, ok := strings.CutPrefix(path, verifyPath)
	return ok && (below == "" || below[0] == '/')
}

func (a *App) now() time.Time { return a.DB.Now() }
