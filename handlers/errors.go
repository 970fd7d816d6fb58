package handlers

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/views"
)

// fail answers an error: a fragment to htmx, a page otherwise, the way to sign in to who is signed out.
func (a *App) fail(err error, c echo.Context) {
	if c.Response().Committed {
		a.Log.Error("answer broken off", "error", err, "request", requestID(c))
		panic(http.ErrAbortHandler) // the reader must see that it is not whole
	}
	c.Response().Header().Del(echo.HeaderContentDisposition) // what was to be a download is a page now
	is := answerTo(err, c.Request().Method)
	if is.wait > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(is.wait.Seconds()))))
	}
	a.logAnswer(c, is, err)
	switch {
	case is.status == http.StatusUnauthorized:
		err = a.askToSignIn(c, is)
	case (is.confirm || is.enrol) && isLook(c.Request().Method):
		err = a.leadAside(c, is)
	case isHTMX(c):
		c.Response().Header().Set("HX-Retarget", "#notice")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
		c.Response().Header().Set("HX-Reselect", ".alert") // not the part of a page that was asked for
		err = a.render(c, is.status, views.ProblemNotice(a.problem(c, is)))
	default:
		a.recogniseWhereNoGateDid(c)
		err = a.render(c, is.status, views.ProblemPage(a.problem(c, is)))
	}
	if err != nil {
		a.Log.Error("error page failed", "error", err, "request", requestID(c))
		_ = c.HTMLBlob(http.StatusInternalServerError, a.fallback)
	}
}

// logAnswer writes down why a request got another answer than it asked for.
func (a *App) logAnswer(c echo.Context, is answer, cause error) {
	log := a.Log.With("route", c.Path(), "request", requestID(c))
	switch {
	case is.status >= http.StatusInternalServerError:
		log.Log(c.Request().Context(), severity(c.Request()), "request failed", "error", cause)
	case is.status == http.StatusForbidden && !is.confirm && !is.enrol:
		log.Warn("not allowed", "user", who(c).UserID, "address", c.RealIP())
	default:
		log.Debug("refused", "status", is.status, "sentence", is.sentence)
	}
}

// problem returns the answer as a page or a fragment shows it.
func (a *App) problem(c echo.Context, is answer) views.Problem {
	v := views.Problem{
		Page: a.page(c, is.title), Status: is.status, Sentence: is.sentence, RequestID: requestID(c), Wait: is.wait,
	}
	if is.status == http.StatusTooManyRequests && strings.HasPrefix(c.Path(), "/login") {
		v.Page.Title, v.SignIn = "Too many failed sign-ins", true
	}
	switch {
	case is.look:
		v.Look = a.pageOf(c)
	case is.confirm:
		v.Aside, v.AsideWords = proveURL(a.pageOf(c)), "Confirm that it is you"
	case is.enrol:
		v.Aside, v.AsideWords = newPasskeyPath, "Add a passkey"
	}
	return v
}

// severity returns how grave it is that a request failed: who has gone away has mostly caused it.
func severity(r *http.Request) slog.Level {
	if r.Context().Err() != nil {
		return slog.LevelDebug
	}
	return slog.LevelError
}

// recogniseWhereNoGateDid looks who is there, so that an error page shows the way on.
func (a *App) recogniseWhereNoGateDid(c echo.Context) {
	if who(c).UserID != "" {
		return
	}
	if actor, err := a.signedIn(c); err == nil {
		c.Set(actorKey, actor)
	}
}

// askToSignIn leads to the sign-in page, and from there back to the page the person was on.
func (a *App) askToSignIn(c echo.Context, is answer) error {
	if !isHTMX(c) {
		next := ""
		if isLook(c.Request().Method) {
			next = c.Request().URL.RequestURI()
		}
		return c.Redirect(http.StatusSeeOther, loginURL(next))
	}
	next := ""
	if current, err := url.Parse(c.Request().Header.Get("HX-Current-URL")); err == nil {
		next = current.RequestURI()
	}
	c.Response().Header().Set("HX-Redirect", loginURL(next))
	return a.render(c, is.status, views.ProblemLine(is.sentence))
}

func isLook(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// leadAside leads to where the person proves who they are, or adds a passkey, and from there to what they asked for.
func (a *App) leadAside(c echo.Context, is answer) error {
	to := newPasskeyPath
	if is.confirm {
		to = proveURL(c.Request().URL.RequestURI())
	}
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, to)
	}
	c.Response().Header().Set("HX-Redirect", to)
	return a.render(c, is.status, views.ProblemLine(is.sentence))
}

// renderFallback renders the page for when nothing else can be rendered.
func (a *App) renderFallback() error {
	var page bytes.Buffer
	is := answerTo(errors.New("any"), http.MethodPost)
	err := views.ProblemPage(views.Problem{
		Page: views.Page{Title: is.title}, Status: is.status, Sentence: is.sentence, RequestID: "in the log",
	}).Render(context.Background(), &page)
	a.fallback = page.Bytes()
	return err
}
