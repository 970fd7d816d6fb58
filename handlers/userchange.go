package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// askChange asks whether to make this change of somebody's account.
func (a *App) askChange(change string) echo.HandlerFunc {
	return func(c echo.Context) error {
		person, err := a.DB.User(c.Request().Context(), who(c), c.Param("id"))
		if err != nil {
			return err
		}
		v := views.AccountQuestion{Page: a.page(c, "Change an account"), Person: person, Change: change, Swap: isHTMX(c)}
		return a.render(c, http.StatusOK, views.AccountQuestionPage(v))
	}
}

func (a *App) userRole(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	role, err := access.ParseRole(form.Get("role"))
	if err != nil {
		return err
	}
	err = a.DB.ChangeRole(c.Request().Context(), who(c), c.Param("id"), role)
	return a.userChanged(c, err, "role-changed")
}

func (a *App) userDisable(c echo.Context) error {
	err := a.DB.DisableUser(c.Request().Context(), who(c), c.Param("id"))
	return a.userChanged(c, err, "user-disabled")
}

func (a *App) userEnable(c echo.Context) error {
	err := a.DB.EnableUser(c.Request().Context(), who(c), c.Param("id"))
	return a.userChanged(c, err, "user-enabled")
}

// userRemovePasskeys takes the passkeys and recovery codes of an account away whose owner has lost them.
func (a *App) userRemovePasskeys(c echo.Context) error {
	err := a.DB.RemovePasskeys(c.Request().Context(), who(c), c.Param("id"))
	return a.userChanged(c, err, "passkeys-removed")
}

// userEndSessions ends all sessions of an account; who ends their own is signed out.
func (a *App) userEndSessions(c echo.Context) error {
	err := a.DB.EndSessions(c.Request().Context(), who(c), c.Param("id"))
	if err == nil && c.Param("id") == who(c).UserID {
		return a.signedOut(c, "/login?note=everywhere")
	}
	return a.userChanged(c, err, "sessions-ended")
}

// userReset issues a link to set a new password, and shows it, this once.
func (a *App) userReset(c echo.Context) error {
	ctx, id, token := c.Request().Context(), c.Param("id"), access.NewToken()
	if err := a.DB.IssueLink(ctx, who(c), id, access.HashToken(token)); err != nil {
		return err
	}
	return a.showLink(c, views.LinkIssued{Person: access.Person{UserID: id}, URL: SetPasswordURL(a.BaseURL, token)})
}

// userChanged answers a change of an account: with the user's page, or the part of it that has changed.
func (a *App) userChanged(c echo.Context, err error, note string) error {
	if err != nil {
		return err
	}
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, "/admin/users/"+c.Param("id")+"?note="+note)
	}
	v, err := a.oneUser(c)
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.UserChanged(v, noteSentence(note)))
}
