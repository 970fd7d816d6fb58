package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

const (
	browserStays = 400 * 24 * 60 * 60 // seconds, the most that browsers keep a cookie
	maxBrowser   = 64                 // bytes of its cookie
)

// browser returns what tells this browser from others at sign-in: the content of its cookie, or a new one. It grants
// nothing by itself: an account that it has signed in to before does not take it for a stranger's.
func (a *App) browser(c echo.Context) string {
	if cookie, err := c.Cookie(a.browserCookie()); err == nil && cookie.Value != "" && len(cookie.Value) <= maxBrowser {
		return cookie.Value
	}
	return access.NewToken()
}

// rememberBrowser gives the browser its cookie, or prolongs it.
func (a *App) rememberBrowser(c echo.Context, browser string) {
	c.SetCookie(&http.Cookie{
		Name: a.browserCookie(), Value: browser, Path: "/", MaxAge: browserStays, HttpOnly: true, Secure: a.https(),
		SameSite: http.SameSiteLaxMode,
	})
}

func (a *App) browserCookie() string { return a.cookieName() + "-browser" }
