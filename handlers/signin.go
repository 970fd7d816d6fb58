package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
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
	v.Page, v.Accounts = a.page(c, "Sign in"), a.Demo
	return a.form(c, v.Problem, views.SignInPage(v), views.SignInPage(v))
}

// signIn opens a session. Unknown, disabled and wrong are answered alike.
func (a *App) signIn(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	typed, next := form.Get("user_id"), localPath(form.Get("next"))
	person, outcome, err := a.authenticate(c, access.Fold(typed), form.Get("password"))
	if err != nil {
		return err
	}
	entry := a.signInEntry(c, person.UserID, outcome)
	if outcome != access.SignedIn {
		if err := a.DB.RecordSignIn(c.Request().Context(), entry); err != nil {
			return err
		}
		return a.signInPage(c, views.SignIn{
			Next: next, UserID: typed, Problem: "That User ID and password do not go together. Please try again.",
		})
	}
	id := access.NewSessionID()
	if err := a.DB.SignIn(c.Request().Context(), access.HashSessionID(id), a.sessionHash(c), entry, a.Limits); err != nil {
		return err
	}
	if err := a.openSession(c, id, person); err != nil {
		return err
	}
	if next == exportPath {
		next = "/admin/users" // a download would leave the sign-in page standing
	}
	return c.Redirect(http.StatusSeeOther, next)
}

// authenticate returns who has this User ID and password, and how that went. It takes the same work in every case, and
// waits for a place to do it, so that a flood of sign-ins cannot take all of the machine.
func (a *App) authenticate(c echo.Context, userID, password string) (access.Person, access.Outcome, error) {
	ctx := c.Request().Context()
	select {
	case a.passwords <- struct{}{}:
		defer func() { <-a.passwords }()
	case <-ctx.Done():
		return access.Person{}, "", ctx.Err()
	}
	person, hash, err := a.DB.Credentials(ctx, userID)
	if err != nil {
		return access.Person{}, "", err
	}
	matches, err := access.PasswordMatches(password, hash)
	switch {
	case err != nil:
		return access.Person{}, "", err
	case hash == "":
		return access.Person{UserID: access.UnknownUser}, access.UserUnknown, nil
	case !matches:
		return person, access.WrongPassword, nil
	case !person.Enabled():
		return person, access.UserDisabled, nil
	}
	return person, access.SignedIn, nil
}

// signOut ends the session, if there is one.
func (a *App) signOut(c echo.Context) error {
	if hash := a.sessionHash(c); hash != nil {
		if err := a.DB.SignOut(c.Request().Context(), hash, a.signInEntry(c, "", access.SignOut)); err != nil {
			return err
		}
	}
	if err := a.dropCookie(c); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/login")
}

func (a *App) signInEntry(c echo.Context, userID string, outcome access.Outcome) access.SignIn {
	return access.SignIn{
		UserID: userID, Address: c.RealIP(), UserAgent: access.Printable(c.Request().UserAgent(), maxUserAgent),
		Outcome: outcome,
	}
}
