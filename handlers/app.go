package handlers

import (
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

// Config is what the web needs to know.
type Config struct {
	DB        *db.DB
	Uses      *access.Uses // where accepted verifies are noted
	Log       *slog.Logger
	BaseURL   *url.URL // https makes cookies Secure
	KeyPrefix string
	Limits    access.SessionLimits
	Demo      []views.DemoAccount // the accounts that the sign-in page lists; empty unless this is a demo
}

// App answers every request.
type App struct {
	Config
	echo      *echo.Echo
	cookies   *sessions.CookieStore
	passwords chan struct{} // a place for each password that may be hashed at once
	fallback  []byte        // the 500 page, rendered at start
}

// New returns the web application. It fails on a route without a gate or a page that does not render.
func New(c Config) (*App, error) {
	a := &App{
		Config:    c,
		echo:      echo.New(),
		cookies:   newCookies(c),
		passwords: make(chan struct{}, max(1, runtime.NumCPU()-1)),
	}
	if err := a.renderFallback(); err != nil {
		return nil, err
	}
	a.echo.HTTPErrorHandler = a.fail
	a.echo.IPExtractor = echo.ExtractIPDirect()
	a.echo.Use(a.observe, a.recoverPanic, a.guard)
	a.echo.Pre(a.protect)
	if err := a.addRoutes(a.routes()); err != nil {
		return nil, err
	}
	return a, nil
}

// ServeHTTP answers verify itself, before the router, so that any method and path below it reach it and nothing that
// pages need stands in its way.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == verifyPath || strings.HasPrefix(r.URL.Path, verifyPath+"/") {
		a.verify(w, r)
		return
	}
	a.echo.ServeHTTP(w, r)
}

func (a *App) now() time.Time { return a.DB.Now() }
