package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

const (
	verifyPath = "/api/v1/verify"
	exportPath = "/admin/users/export.csv"
)

type route struct {
	method, path string
	gate         gate
	handle       echo.HandlerFunc
}

// routes is every route of the desk but verify's, with who may use it. HEAD goes where GET does.
func (a *App) routes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, "/", may(access.SeeOwnKeys), a.home},
		{get, "/login", anyone(), a.signInForm},
		{post, "/login", anyone(), a.signIn},
		{post, "/logout", anyone(), a.signOut},

		{get, "/profile/keys", may(access.SeeOwnKeys), a.keyList},
		{post, "/profile/keys", may(access.CreateKey), a.keyCreate},
		{post, "/profile/keys/:id", may(access.RenameKey), a.keyRename},
		{get, "/profile/keys/:id/deactivate", may(access.DeactivateOwnKey), a.ownKeyDeactivateForm},
		{post, "/profile/keys/:id/deactivate", may(access.DeactivateOwnKey), a.ownKeyDeactivate},

		{get, "/admin/users", may(access.SeeUsers), a.userList},
		{get, exportPath, may(access.ExportKeys), a.keyExport},
		{get, "/admin/users/:id", may(access.SeeUsers), a.userShow},
		{get, "/admin/keys/:id/deactivate", may(access.DeactivateKey), a.keyDeactivateForm},
		{post, "/admin/keys/:id/deactivate", may(access.DeactivateKey), a.keyDeactivate},
		{get, "/admin/history", may(access.SeeHistory), a.history},

		{get, "/healthz", anyone(), a.healthy},
		{get, "/readyz", anyone(), a.ready},
		{get, "/static/:name", anyone(), a.asset},
	}
}

// addRoutes puts the routes into the router. One without a gate is an error.
func (a *App) addRoutes(routes []route) error {
	for _, r := range routes {
		if r.gate == (gate{}) {
			return fmt.Errorf("route %s %s has no gate", r.method, r.path)
		}
		a.echo.Add(r.method, r.path, a.pass(r.gate, r.handle))
		if r.method == http.MethodGet {
			a.echo.Add(http.MethodHead, r.path, a.pass(r.gate, r.handle))
		}
	}
	return nil
}
