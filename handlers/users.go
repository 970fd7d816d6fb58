package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/views"
)

func (a *App) userList(c echo.Context) error {
	text := c.QueryParam("q")
	people, more, err := a.DB.Users(c.Request().Context(), who(c), text, c.QueryParam("after"))
	if err != nil {
		return err
	}
	v := views.Users{Page: a.page(c, "Manage Users"), People: people, Text: shown(text), Now: a.now(), Later: c.QueryParam("after") != ""}
	if more {
		v.After = people[len(people)-1].UserID
	}
	return a.render(c, http.StatusOK, views.UsersPage(v))
}

func (a *App) userShow(c echo.Context) error {
	v, err := a.oneUser(c)
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.UserPage(v))
}

// oneUser returns the user of the path and a page of that user's keys.
func (a *App) oneUser(c echo.Context) (views.OneUser, error) {
	ctx, id := c.Request().Context(), c.Param("id")
	person, err := a.DB.User(ctx, who(c), id)
	if err != nil {
		return views.OneUser{}, err
	}
	keys, more, err := a.DB.KeysOf(ctx, who(c), id, c.QueryParam("after"))
	if err != nil {
		return views.OneUser{}, err
	}
	return views.OneUser{
		Page: a.page(c, person.UserID), Person: person, Keys: keys, After: lastKey(keys, more),
		Later: c.QueryParam("after") != "", Now: a.now(),
	}, nil
}
