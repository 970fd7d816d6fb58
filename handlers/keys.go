package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

const maxOnce = 64 // bytes of a form's once

func (a *App) keyList(c echo.Context) error {
	keys, more, err := a.DB.OwnKeys(c.Request().Context(), who(c), c.QueryParam("after"))
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.KeysPage(views.Keys{
		Page: a.page(c, "API Keys"), Keys: keys, After: lastKey(keys, more), Later: c.QueryParam("after") != "",
		Once: access.NewToken(), Now: a.now(),
	}))
}

// keyCreate makes a key and shows it, this once.
func (a *App) keyCreate(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	once := form.Get("once")
	if len(once) > maxOnce {
		return access.Refuse(access.Invalid, "once", "This form was not made here. Reload the page and try again.")
	}
	if as := form.Get("as"); as != "" && as != who(c).UserID {
		return access.Refuse(access.Clashes, "as", "You are now signed in as "+who(c).UserID+", so no key was made for "+
			"the person whose page this is. Open API Keys again.")
	}
	secret := access.NewSecret(a.KeyPrefix)
	key, err := a.DB.CreateKey(c.Request().Context(), who(c), a.DB.Secrets().Pepper.Fingerprint(secret), once)
	if err != nil {
		return err
	}
	v := views.Reveal{Page: a.page(c, "Your new API key"), Key: key, Secret: secret, BaseURL: a.BaseURL.String()}
	return a.form(c, "", views.RevealDialog(v), views.RevealPage(v))
}

// keyRenameForm asks for a key's name.
func (a *App) keyRenameForm(c echo.Context) error {
	key, err := a.DB.OwnKey(c.Request().Context(), who(c), c.Param("id"))
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.RenamePage(views.Rename{
		Page: a.page(c, "Rename a key"), Key: key, Name: key.Name, Swap: isHTMX(c),
	}))
}

// keyRename names a key: OK in the reveal, or later.
func (a *App) keyRename(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	ctx, id := c.Request().Context(), c.Param("id")
	name, err := access.ParseName(form.Get("name"))
	if bad := access.Refused(err, access.Invalid); bad != nil {
		key, err := a.DB.OwnKey(ctx, who(c), id)
		if err != nil {
			return err
		}
		return a.form(c, bad.Message, views.ProblemLine(bad.Message), views.RenamePage(views.Rename{
			Page: a.page(c, "Rename a key"), Key: key, Name: shown(form.Get("name")), Problem: bad.Message,
		}))
	}
	key, err := a.DB.RenameKey(ctx, who(c), id, name)
	if err != nil {
		return err
	}
	note := "name-saved"
	if key.Name == "" {
		note = "key-saved"
	}
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, "/profile/keys?note="+note)
	}
	return a.render(c, http.StatusOK, views.KeySaved(key, who(c), access.NewToken(), a.now(), noteSentence(note)))
}

// lastKey returns where the next page goes on, or nothing when there is none.
func lastKey(keys []access.Key, more bool) string {
	if !more {
		return ""
	}
	return keys[len(keys)-1].ID
}
