package handlers

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// answer is how an error reaches a person.
type answer struct {
	status          int
	title, sentence string
}

// answerTo maps every error to its answer, in this one place.
func answerTo(err error) answer {
	if e, ok := errors.AsType[*access.Error](err); ok {
		switch e.Code {
		case access.Invalid:
			return answer{http.StatusUnprocessableEntity, "That is not right yet", e.Message}
		case access.NotFound:
			return answer{http.StatusNotFound, "Not found", e.Message}
		case access.Denied:
			return answer{http.StatusForbidden, "Not allowed", e.Message}
		case access.SignedOut:
			return answer{http.StatusUnauthorized, "Signed out", e.Message}
		case access.Clashes:
			return answer{http.StatusConflict, "Already done", e.Message}
		case access.Busy:
			return answer{http.StatusServiceUnavailable, "One moment", e.Message}
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return answer{http.StatusRequestEntityTooLarge, "Too large", "That is more than this desk takes in one request."}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch e.Code {
		case http.StatusNotFound:
			return answer{e.Code, "Not found", "There is no such page."}
		case http.StatusMethodNotAllowed:
			return answer{e.Code, "Not possible", "This page does not take that kind of request."}
		case http.StatusBadRequest:
			return answer{e.Code, "Not understood", "That request could not be read. Go back, reload the page and try again."}
		}
	}
	return answer{
		http.StatusInternalServerError, "Something went wrong",
		"That is our fault, not yours. Whether anything was changed is not known: look before you try again. " +
			"If it goes on, tell your administrator the name of this request.",
	}
}

// fail answers an error: a fragment to htmx, a page otherwise, the way to sign in to who is signed out.
func (a *App) fail(err error, c echo.Context) {
	if c.Response().Committed {
		a.Log.Error("answer broken off", "error", err, "request", requestID(c))
		panic(http.ErrAbortHandler) // the reader must see that it is not whole
	}
	c.Response().Header().Del(echo.HeaderContentDisposition) // what was to be a download is a page now
	is := answerTo(err)
	if is.status >= http.StatusInternalServerError {
		a.Log.Log(c.Request().Context(), severity(c.Request()), "request failed", "error", err, "route", c.Path(), "request", requestID(c))
	}
	a.Log.Debug("refused", "status", is.status, "sentence", is.sentence, "request", requestID(c))
	switch {
	case is.status == http.StatusUnauthorized:
		err = a.askToSignIn(c, is)
	case isHTMX(c):
		c.Response().Header().Set("HX-Retarget", "#notice")
		c.Response().Header().Set("HX-Reswap", "innerHTML")
		c.Response().Header().Set("HX-Reselect", ".alert") // not the part of a page that was asked for
		id := ""
		if is.status >= http.StatusInternalServerError {
			id = requestID(c)
		}
		err = a.render(c, is.status, views.ProblemNotice(is.sentence, id))
	default:
		a.recogniseWhereNoGateDid(c)
		err = a.render(c, is.status, views.ProblemPage(views.Problem{
			Page: a.page(c, is.title), Status: is.status, Sentence: is.sentence, RequestID: requestID(c),
		}))
	}
	if err != nil {
		a.Log.Error("error page failed", "error", err, "request", requestID(c))
		_ = c.HTMLBlob(http.StatusInternalServerError, a.fallback)
	}
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
		if c.Request().Method == http.MethodGet || c.Request().Method == http.MethodHead {
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

// renderFallback renders the page for when nothing else can be rendered.
func (a *App) renderFallback() error {
	var page bytes.Buffer
	is := answerTo(errors.New("any"))
	err := views.ProblemPage(views.Problem{
		Page: views.Page{Title: is.title}, Status: is.status, Sentence: is.sentence, RequestID: "in the log",
	}).Render(context.Background(), &page)
	a.fallback = page.Bytes()
	return err
}
