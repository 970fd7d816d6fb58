package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

func (a *App) ownKeyDeactivateForm(c echo.Context) error {
	uses, err := a.DB.OwnKeyUses(c.Request().Context(), who(c), c.Param("id"))
	if err != nil {
		return err
	}
	return a.askToDeactivate(c, views.Question{Key: uses.Key, Last: uses.Last})
}

func (a *App) ownKeyDeactivate(c echo.Context) error {
	key, err := a.DB.DeactivateOwnKey(c.Request().Context(), who(c), c.Param("id"))
	if err != nil {
		return err
	}
	return a.deactivated(c, key, "/profile/keys")
}

func (a *App) keyDeactivateForm(c echo.Context) error {
	uses, err := a.DB.KeyUses(c.Request().Context(), who(c), c.Param("id"))
	if err != nil {
		return err
	}
	return a.askToDeactivate(c, views.Question{Key: uses.Key, Last: uses.Last})
}

// keyDeactivate ends anybody's key, for a reason.
func (a *App) keyDeactivate(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	ctx, id := c.Request().Context(), c.Param("id")
	reason, err := access.ParseReason(form.Get("reason"))
	if bad := access.Refused(err, access.Invalid); bad != nil {
		uses, err := a.DB.KeyUses(ctx, who(c), id)
		if err != nil {
			return err
		}
		return a.askToDeactivate(c, views.Question{
			Key: uses.Key, Last: uses.Last, Reason: shown(form.Get("reason")), Problem: bad.Message,
		})
	}
	key, err := a.DB.DeactivateKey(ctx, who(c), id, reason)
	if err != nil {
		return err
	}
	return a.deactivated(c, key, "/admin/users/"+key.UserID)
}

func (a *App) askToDeactivate(c echo.Context, q views.Question) error {
	q.Page, q.Now, q.Swap = a.page(c, "Deactivate a key"), a.now(), isHTMX(c)
	return a.form(c, q.Problem, views.QuestionBox(q), views.DeactivatePage(q))
}

func (a *App) deactivated(c echo.Context, key access.Key, list string) error {
	const note = "key-inactive"
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, list+"?note="+note)
	}
	return a.render(c, http.StatusOK, views.Deactivated(key, who(c), a.now(), noteSentence(note)))
}
