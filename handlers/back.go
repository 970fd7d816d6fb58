package handlers

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// backPath returns the page that the request came from, or the one above where that is the answer to a form, which has
// no page of its own. Only this desk's own paths count.
func (a *App) backPath(c echo.Context) string {
	from, err := url.Parse(c.Request().Referer())
	if err != nil || c.Request().Referer() == "" {
		return "/"
	}
	return a.pageAt(localPath(from.RequestURI()))
}

// pageOf returns the page on which a request of htmx was made, or that it came from, which shows what became of it.
func (a *App) pageOf(c echo.Context) string {
	if current, err := url.Parse(c.Request().Header.Get("HX-Current-URL")); err == nil && current.Path != "" {
		return a.pageAt(localPath(current.RequestURI()))
	}
	return a.backPath(c)
}

// pageAt returns the target if it has a page, or else the path of the nearest page above it.
func (a *App) pageAt(target string) string {
	at, _, _ := strings.Cut(target, "?")
	if a.isPage(at) {
		return target
	}
	for at != "/" && at != "." && !a.isPage(at) {
		at = path.Dir(at)
	}
	return localPath(at)
}

// isPage tells whether the path can be asked for.
func (a *App) isPage(at string) bool {
	parts := strings.Split(at, "/")
	for _, r := range a.routes() {
		if r.method == http.MethodGet && fits(strings.Split(r.path, "/"), parts) {
			return true
		}
	}
	return false
}

// fits tells whether the parts of a path are those of a route, whose parameters begin with a colon.
func fits(route, parts []string) bool {
	if len(route) != len(parts) {
		return false
	}
	for i := range route {
		if route[i] != parts[i] && !strings.HasPrefix(route[i], ":") {
			return false
		}
	}
	return true
}
