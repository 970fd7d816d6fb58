package handlers

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/static"
)

// healthy says that the process lives.
func (a *App) healthy(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// ready says whether the desk can do its work now: the database answers, and its disk has not failed.
func (a *App) ready(c echo.Context) error {
	if err := a.DB.Ready(c.Request().Context()); err != nil {
		sentence := "The database does not answer."
		if errors.Is(err, db.ErrStopped) {
			sentence = "The disk has failed, so nothing is saved until the desk is started again."
		}
		return fmt.Errorf("not ready: %w (%w)", err, access.Refuse(access.Busy, "", sentence))
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
