package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

const maxUserAgent = 200 // code points kept of a browser's name for itself

// home leads to where the person works.
func (a *App) home(c echo.Context) error {
	if access.Can(who(c), access.SeeUsers) {
		return c.Redirect(http.StatusSeeOther, "/admin/users")
	}
	return c.Redirect(http.StatusSeeOther, "/profile/keys")
}

func (a *App) signInForm(c echo.Context) error {
	return a.signInPage(c, views.SignIn{Next: localPath(c.QueryParam("next"))})
}

func (a *App) signInPage(c echo.Context, v views.SignIn) error {
	v.Page, v.Accounts, v.Host = a.page(c, "Sign in"), a.Demo, a.passkeyHost()
	return a.form(c, v.Problem+v.PasskeyProblem, views.SignInPage(v), views.SignInPage(v))
}

// signIn opens a session. Whatever makes it fail, the answer is the same.
func (a *App) signIn(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	typed, next := form.Get("user_id"), localPath(form.Get("next"))
	id, browser := access.NewToken(), a.browser(c)
	person, hash, outcome, err := a.attempt(c, login{access.Fold(typed), form.Get("password"), browser}, db.Opening{
		Session: access.HashToken(id), Before: a.sessionHash(c), Limits: a.Limits,
	})
	if err != nil {
		return err
	}
	if outcome == access.AwaitsPasskey {
		return a.awaitPasskey(c, person.UserID, hash, next)
	}
	if outcome != access.SignedIn {
		return a.signInPage(c, views.SignIn{
			Next: next, UserID: shown(typed), Problem: "That User ID and password do not match. Please try again.",
		})
	}
	return a.enter(c, id, browser, person, next)
}

// signOut ends the session, if there is one.
func (a *App) signOut(c echo.Context) error {
	if hash := a.sessionHash(c); hash != nil {
		if err := a.DB.SignOut(c.Request().Context(), hash, a.signInEntry(c, "", access.SignOut)); err != nil {
			return err
		}
	}
	return a.signedOut(c, "/login")
}

// signedOut takes the cookie away, has the browser forget what it kept of the pages (ASVS 14.3.1), and leads on. The
// other cookies stay: they hold the colours, and that the browser is known.
func (a *App) signedOut(c echo.Context, next string) error {
	if err := a.dropCookie(c); err != nil {
		return err
	}
	c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	if isHTMX(c) {
		c.Response().Header().Set("HX-Redirect", next)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, next)
}

func (a *App) signInEntry(c echo.Context, userID string, outcome access.Outcome) access.SignIn {
	return access.SignIn{
		UserID: userID, Address: c.RealIP(), UserAgent: access.Printable(c.Request().UserAgent(), maxUserAgent),
		Outcome: outcome,
	}
}
