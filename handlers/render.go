package handlers

import (
	"bytes"
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// render answers with a component, whole or not at all.
func (a *App) render(c echo.Context, status int, component templ.Component) error {
	out, _ := a.buffers.Get().(*bytes.Buffer)
	defer func() {
		clear(out.Bytes()) // an answer may have held a key
		out.Reset()
		a.buffers.Put(out)
	}()
	if err := component.Render(context.WithoutCancel(c.Request().Context()), out); err != nil {
		return err
	}
	return c.HTMLBlob(status, out.Bytes())
}

// form is a page with a form, or the part of it that htmx asked for; it answers 200 the first time and 422 with a
// problem.
func (a *App) form(c echo.Context, problem string, part, whole templ.Component) error {
	status := http.StatusOK
	if problem != "" {
		status = http.StatusUnprocessableEntity
	}
	if isHTMX(c) && c.Request().Method == http.MethodPost {
		return a.render(c, status, part)
	}
	return a.render(c, status, whole)
}

// page returns what every page shows around its content.
func (a *App) page(c echo.Context, title string) views.Page {
	links := a.newLinks(c)
	return views.Page{
		Title: title, Path: c.Path(), Actor: who(c), Demo: len(a.Demo) > 0, Theme: a.theme(c), Note: noteSentence(c.QueryParam("note")),
		NewLinks: links, Joined: a.joined(c, links),
	}
}

// newLinks returns the set-password links of which the signed-in person is to be told.
func (a *App) newLinks(c echo.Context) []access.Link {
	if !visitOf(c).NewLinks {
		return nil
	}
	links, err := a.DB.NewLinks(c.Request().Context(), who(c))
	if err != nil {
		a.Log.Error("new links not shown", "error", err, "request", requestID(c))
	}
	return links
}

// joined tells whether the links are but the one that came with the account, and it was used.
func (a *App) joined(c echo.Context, links []access.Link) bool {
	if len(links) != 1 || links[0].UsedAt.IsZero() {
		return false
	}
	person, err := a.DB.Own(c.Request().Context(), who(c))
	return err == nil && links[0].IssuedAt.Equal(person.CreatedAt)
}

// noteSentence says what has just been done, where a redirect names it. Nothing of the URL itself is shown.
func noteSentence(note string) string {
	return map[string]string{
		"password-changed": "Your password is changed. All other sessions have ended.",
		"password-set":     "Your password is set. Sign in with it.",
		"set-up":           "The first administrator is made. Sign in.",
		"passkey-added":    "Your passkey is added. Your other sessions have ended.",
		"passkey-removed":  "The passkey is removed. Your other sessions have ended.",
		"recovery-used":    "That recovery code is used up. If you have lost a passkey, remove it here and add another.",
		"begin-anew":       "That took longer than 5 minutes, or was begun in another window. Please sign in again.",
		"proved":           "Thank you. You can go on.",
		"passkeys-removed": "No passkey and no recovery code of the account is left.",
		"key-saved":        "Key saved, without a name.",
		"name-saved":       "Name saved.",
		"key-inactive":     "The key is inactive: every request that uses it is refused.",
		"session-ended":    "That session has ended.",
		"everywhere":       "You are signed out everywhere.",
		"role-changed":     "The role is changed, and all sessions of the account have ended.",
		"user-disabled":    "The account is disabled. Its sessions have ended and its keys are inactive.",
		"user-enabled":     "The account is enabled.",
		"sessions-ended":   "All sessions of the account have ended.",
	}[note]
}

// isHTMX tells whether htmx asks, and so takes a fragment.
func isHTMX(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }
