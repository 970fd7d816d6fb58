package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/static"
)

// healthy says that the process lives.
func (a *App) healthy(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready says whether the desk can do its work now: the database answers.
func (a *App) ready(c echo.Context) error {
	if err := a.DB.Ready(c.Request().Context()); err != nil {
		return fmt.Errorf("not ready: %w (%w)", err, access.Refuse(access.Busy, "", "The database does not answer."))
	}
	return c.String(http.StatusOK, "ready\n")
}

// asset serves an embedded file. Its name changes with its content, so it may be kept for ever.
func (a *App) asset(c echo.Context) error {
	file, ok := static.Named(c.Param("name"))
	if !ok {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return c.Blob(http.StatusOK, file.Type, file.Content)
}
