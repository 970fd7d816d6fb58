package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

// Bytes of what a request may hold.
const (
	maxBody = 64 << 10
	maxURL  = 8 << 10
)

// csp lets a page fetch from its own origin only, and run no inline script or style (OWASP ASVS 3.4.3). Buttons of the
// look load data: images.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pageHeaders returns the headers that every answer but verify's carries, errors included.
func (c Config) pageHeaders() []header {
	all := []header{
		{"Content-Security-Policy", csp},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
		{"Cache-Control", "no-store"},
	}
	if c.https() {
		all = append(all, header{"Strict-Transport-Security", "max-age=63072000; includeSubDomains"})
	}
	return all
}

// protect sets the headers of pages, and one that names the request.
func (a *App) protect(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		for _, header := range a.headers {
			h.Set(header.name, header.value)
		}
		h.Set("X-Request-Id", access.NewToken())
		return next(c)
	}
}

func requestID(c echo.Context) string { return c.Response().Header().Get("X-Request-Id") }

// observe writes a line for each request: never its raw method, path or query, which anybody could put a key into.
func (a *App) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		if err := next(c); err != nil {
			c.Error(err)
		}
		a.metrics.page(c.Path(), c.Response().Status)
		a.Log.Info("request", "method", knownMethod(c.Request().Method), "route", c.Path(), "status", c.Response().Status,
			"took", time.Since(began).Round(time.Microsecond).String(), "user", who(c).UserID,
			"address", c.RealIP(), "request", requestID(c))
		return nil
	}
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		return method
	}
	return "other"
}

// recoverPanic turns a panic into an error. Its value is left out: it could quote what a person sent.
func (a *App) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			p := recover()
			if aborted, ok := p.(error); ok && errors.Is(aborted, http.ErrAbortHandler) {
				panic(p)
			}
			if p != nil {
				err = panicError(p)
			}
		}()
		return next(c)
	}
}

func panicError(p any) error { return fmt.Errorf("panic of type %T: %s", p, debug.Stack()) }

// guard refuses what is meant for another site or comes from one, and limits URLs and bodies.
func (a *App) guard(next echo.HandlerFunc) echo.HandlerFunc {
	crossOrigin := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		r := c.Request()
		if a.strange(r) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest)
		}
		if err := crossOrigin.Check(r); err != nil {
			return access.Refuse(access.Denied, "", "This request came from another site, so it was not carried out.")
		}
		if len(r.RequestURI) > maxURL {
			return echo.NewHTTPError(http.StatusRequestURITooLong)
		}
		if slices.ContainsFunc(r.Header["Content-Encoding"], func(coding string) bool { return coding != "" && coding != "identity" }) {
			return echo.NewHTTPError(http.StatusUnsupportedMediaType) // nothing is unpacked here
		}
		if r.ContentLength > maxBody {
			return &http.MaxBytesError{Limit: maxBody}
		}
		limited := *r // a copy: net/http looks at the body of its own when the answer is due
		limited.Body = http.MaxBytesReader(c.Response(), r.Body, maxBody)
		c.SetRequest(&limited)
		return next(c)
	}
}
