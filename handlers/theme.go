package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

const themeStays = 365 * 24 * 60 * 60 // seconds

// themeChoose remembers the chosen colours in a cookie of the browser's.
func (a *App) themeChoose(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	cookie := &http.Cookie{
		Name: a.themeCookie(), Path: "/", MaxAge: themeStays, HttpOnly: true, Secure: a.https(), SameSite: http.SameSiteLaxMode,
	}
	switch theme := form.Get("theme"); theme {
	case views.ThemeLight, views.ThemeDark:
		cookie.Value = theme
	case views.ThemeSystem:
		cookie.MaxAge = -1
	default:
		return access.Refuse(access.Invalid, "theme", "The theme is light, dark or system.")
	}
	c.SetCookie(cookie)
	return c.Redirect(http.StatusSeeOther, a.backPath(c))
}

// theme returns the colours that the browser has chosen; empty follows its system.
func (a *App) theme(c echo.Context) string {
	cookie, err := c.Cookie(a.themeCookie())
	if err != nil || cookie.Value != views.ThemeLight && cookie.Value != views.ThemeDark {
		return ""
	}
	return cookie.Value
}

func (a *App) themeCookie() string { return a.cookieName() + "-theme" }
