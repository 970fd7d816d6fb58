package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// gate says who may use a route. The zero gate lets nobody in and stops the start.
type gate struct {
	open   bool          // to anyone, signed in or not
	action access.Action // else to whoever may do this
	proven bool          // and has proved lately who they are
}

// anyone opens a route to everybody.
func anyone() gate { return gate{open: true} }

// may opens a route to who may do this.
func may(what access.Action) gate { return gate{action: what} }

// proven opens a route to who may do this and has proved lately who they are (ASVS 7.5.3).
func proven(what access.Action) gate { return gate{action: what, proven: true} }

// admits tells whether the gate lets the actor in; the zero actor is nobody.
func (g gate) admits(a access.Actor) bool { return g.open || access.Can(a, g.action) }

const actorKey = "actor"

// who returns the actor of the request. Behind a gate that is not open it is a signed-in person.
func who(c echo.Context) access.Actor {
	actor, _ := c.Get(actorKey).(access.Actor)
	return actor
}

// pass lets a request through the gate to next, or refuses it.
func (a *App) pass(g gate, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if g.open {
			return next(c)
		}
		actor, err := a.signedIn(c)
		if err != nil && c.Request().Method == http.MethodPost {
			return fmt.Errorf("%w (%w)", err, access.ErrUnsaved)
		}
		if err != nil {
			return err
		}
		c.Set(actorKey, actor)
		if !g.admits(actor) {
			return access.Check(actor, g.action)
		}
		if a.needsPasskey(actor, visitOf(c)) && !access.Can(access.Actor{Role: access.User}, g.action) {
			return access.Refuse(access.NoPasskey, "", "Administrators of this desk need a passkey. Add one to go on.")
		}
		if g.proven && !access.Fresh(visitOf(c).ProvedAt, a.now(), a.FreshProof) {
			return access.Refuse(access.Unproven, "", "Please confirm that it is you, then do this again. Nothing was changed.")
		}
		return next(c)
	}
}

// needsPasskey tells whether the person has to add a passkey before they can do what only administrators do.
func (a *App) needsPasskey(actor access.Actor, visit db.Visit) bool {
	return a.AdminPasskeys && actor.Role == access.Admin && !visit.Passkey
}
