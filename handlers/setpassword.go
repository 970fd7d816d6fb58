package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// setPasswordForm shows the form of a set-password link. Looking does not use the link up.
func (a *App) setPasswordForm(c echo.Context) error {
	return a.setPasswordPage(c, c.QueryParam("token"), nil)
}

func (a *App) setPasswordPage(c echo.Context, token string, problems views.Problems) error {
	link, err := a.DB.Link(c.Request().Context(), access.HashToken(token))
	if err != nil {
		return err
	}
	page := views.NewPasswordPage(views.NewPassword{
		Page: a.page(c, "Set your password"), Token: token, UserID: link.UserID, Problems: problems,
	})
	return a.form(c, problems.Any(), page, page)
}

// setPassword sets the password of the link's account and uses the link up.
func (a *App) setPassword(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	ctx, token := c.Request().Context(), form.Get("token")
	hash := access.HashToken(token)
	link, err := a.DB.Link(ctx, hash)
	if err != nil {
		return err
	}
	person, _, err := a.DB.Credentials(ctx, link.UserID)
	if err != nil {
		return err
	}
	passwordHash, short, err := a.newPassword(c, form.Get("password"), person)
	problems := views.Problems{}
	if err := problems.Note(err); err != nil {
		return err
	}
	if len(problems) > 0 {
		return a.setPasswordPage(c, token, problems)
	}
	browser := a.browser(c)
	if err := a.DB.UseLink(ctx, hash, passwordHash, access.Attempt{
		SignIn: a.signInEntry(c, person.UserID, ""), Browser: access.HashToken(browser), Short: short,
	}); err != nil {
		return err
	}
	a.rememberBrowser(c, browser)
	return c.Redirect(http.StatusSeeOther, "/login?note=password-set")
}
