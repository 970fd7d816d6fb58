package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// setUpForm shows the form of the set-up link.
func (a *App) setUpForm(c echo.Context) error {
	return a.setUpPage(c, views.SetUp{Token: c.QueryParam("token")})
}

func (a *App) setUpPage(c echo.Context, v views.SetUp) error {
	if err := a.DB.CheckSetUpLink(c.Request().Context(), access.HashToken(v.Token)); err != nil {
		return err
	}
	v.Page = a.page(c, "Set up Keydesk")
	page := views.SetUpPage(v)
	return a.form(c, v.Problems.Any(), page, page)
}

// setUp makes the first administrator and uses the set-up link up.
func (a *App) setUp(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	ctx, token := c.Request().Context(), form.Get("token")
	if err := a.DB.CheckSetUpLink(ctx, access.HashToken(token)); err != nil {
		return err
	}
	person, problems := parsePerson(form)
	hash, _, err := a.newPassword(c, form.Get("password"), person)
	if err := problems.Note(err); err != nil {
		return err
	}
	if len(problems) > 0 {
		return a.setUpPage(c, views.SetUp{Token: token, Person: typedPerson(form), Problems: problems})
	}
	if err := a.DB.SetUp(ctx, access.HashToken(token), person, hash, c.RealIP()); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/login?note=set-up")
}
