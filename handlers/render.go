package handlers

import (
	"bytes"
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/views"
)

// render answers with a component, whole or not at all.
func (a *App) render(c echo.Context, status int, component templ.Component) error {
	var out bytes.Buffer
	if err := component.Render(context.WithoutCancel(c.Request().Context()), &out); err != nil {
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
	return views.Page{Title: title, Actor: who(c), Demo: len(a.Demo) > 0}
}

// isHTMX tells whether htmx asks, and so takes a fragment.
func isHTMX(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }
