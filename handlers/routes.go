package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

const (
	verifyPath      = "/api/v1/verify"
	exportSizePath  = "/admin/export"
	exportPath      = "/admin/users/export.csv"
	setUpPath       = "/setup"
	setPasswordPath = "/set-password"
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
		{post, "/login/challenge", anyone(), a.signInChallenge},
		{post, "/login/passkey", anyone(), a.passkeySignIn},
		{get, secondPath, anyone(), a.secondForm},
		{post, secondPath, anyone(), a.second},
		{post, secondPath + "/challenge", anyone(), a.secondChallenge},
		{post, "/logout", anyone(), a.signOut},
		{get, setUpPath, anyone(), a.setUpForm},
		{post, setUpPath, anyone(), a.setUp},
		{get, setPasswordPath, anyone(), a.setPasswordForm},
		{post, setPasswordPath, anyone(), a.setPassword},
		{post, "/theme", anyone(), a.themeChoose},

		{get, "/profile", may(access.SeeProfile), a.profileShow},
		{post, "/profile/password", may(access.ChangePassword), a.passwordChange},
		{post, "/profile/sessions/end", may(access.EndOwnSessions), a.sessionsEnd},
		{post, "/profile/sessions/:id/end", may(access.EndOwnSessions), a.sessionEnd},
		{post, "/profile/links/seen", may(access.NoteLinks), a.linksSeen},

		{get, newPasskeyPath, proven(access.AddPasskey), a.passkeyAddForm},
		{post, "/profile/passkeys/challenge", proven(access.AddPasskey), a.passkeyChallenge},
		{post, "/profile/passkeys", proven(access.AddPasskey), a.passkeyAdd},
		{get, "/profile/passkeys/:id/remove", proven(access.RemovePasskey), a.passkeyRemoveForm},
		{post, "/profile/passkeys/:id/remove", proven(access.RemovePasskey), a.passkeyRemove},
		{get, recoveryCodesPath, proven(access.MakeRecoveryCodes), a.recoveryCodesForm},
		{post, recoveryCodesPath, proven(access.MakeRecoveryCodes), a.recoveryCodesMake},
		{get, provePath, may(access.ProveIdentity), a.proveForm},
		{post, provePath, may(access.ProveIdentity), a.prove},
		{post, provePath + "/challenge", may(access.ProveIdentity), a.proveChallenge},

		{get, "/profile/keys", may(access.SeeOwnKeys), a.keyList},
		{post, "/profile/keys", may(access.CreateKey), a.keyCreate},
		{post, "/profile/keys/:id", may(access.RenameKey), a.keyRename},
		{get, "/profile/keys/:id/rename", may(access.RenameKey), a.keyRenameForm},
		{get, "/profile/keys/:id/uses", may(access.SeeOwnKeys), a.ownKeyUses},
		{get, "/profile/keys/:id/deactivate", may(access.DeactivateOwnKey), a.ownKeyDeactivateForm},
		{post, "/profile/keys/:id/deactivate", may(access.DeactivateOwnKey), a.ownKeyDeactivate},

		{get, "/help/api-keys", may(access.SeeHelp), a.help},
		{post, "/help/api-keys/feedback", may(access.GiveFeedback), a.feedback},

		{get, "/admin/users", may(access.SeeUsers), a.userList},
		{get, exportSizePath, proven(access.ExportKeys), a.keyExportSize},
		{get, exportPath, proven(access.ExportKeys), a.keyExport},
		{get, "/admin/users/new", proven(access.AddUser), a.userAddForm},
		{post, "/admin/users", proven(access.AddUser), a.userAdd},
		{get, "/admin/users/:id", may(access.SeeUsers), a.userShow},
		{get, "/admin/users/:id/role", proven(access.ChangeRole), a.askChange(views.ChangeRole)},
		{post, "/admin/users/:id/role", proven(access.ChangeRole), a.userRole},
		{get, "/admin/users/:id/disable", may(access.DisableUser), a.askChange(views.ChangeDisable)},
		{post, "/admin/users/:id/disable", may(access.DisableUser), a.userDisable},
		{get, "/admin/users/:id/enable", may(access.EnableUser), a.askChange(views.ChangeEnable)},
		{post, "/admin/users/:id/enable", may(access.EnableUser), a.userEnable},
		{get, "/admin/users/:id/reset", proven(access.IssueLink), a.askChange(views.ChangeReset)},
		{post, "/admin/users/:id/reset", proven(access.IssueLink), a.userReset},
		{get, "/admin/users/:id/passkeys/remove", proven(access.RemovePasskeys), a.askChange(views.ChangePasskeys)},
		{post, "/admin/users/:id/passkeys/remove", proven(access.RemovePasskeys), a.userRemovePasskeys},
		{get, "/admin/users/:id/sessions/end", may(access.EndSessions), a.askChange(views.ChangeEnd)},
		{post, "/admin/users/:id/sessions/end", may(access.EndSessions), a.userEndSessions},
		{get, "/admin/keys/:id/uses", may(access.SeeUsers), a.keyUses},
		{get, "/admin/keys/:id/deactivate", may(access.DeactivateKey), a.keyDeactivateForm},
		{post, "/admin/keys/:id/deactivate", may(access.DeactivateKey), a.keyDeactivate},
		{get, "/admin/history", may(access.SeeHistory), a.history},
		{get, views.CheckpointPath, may(access.SeeLog), a.checkpoint},
		{get, "/admin/history/proof/:number", may(access.SeeLog), a.changeProof},

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
