package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

func (a *App) ownKeyUses(c echo.Context) error {
	uses, err := a.DB.OwnKeyUses(c.Request().Context(), who(c), c.Param("id"))
	if err != nil {
		return err
	}
	return a.showUses(c, uses)
}

func (a *App) keyUses(c echo.Context) error {
	uses, err := a.DB.KeyUses(c.Request().Context(), who(c), c.Param("id"))
	if err != nil {
		return err
	}
	return a.showUses(c, uses)
}

// showUses answers with a page or, to htmx, with what opens beneath the row of the key.
func (a *App) showUses(c echo.Context, uses access.KeyUses) error {
	v := views.Uses{Page: a.page(c, "Uses of a key"), KeyUses: uses, Now: a.now()}
	if isHTMX(c) {
		return a.render(c, http.StatusOK, views.UsesRow(v))
	}
	return a.render(c, http.StatusOK, views.UsesPage(v))
}
