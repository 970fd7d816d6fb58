package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

// gate says who may use a route. The zero gate lets nobody in and stops the start.
type gate struct {
	open   bool          // to anyone, signed in or not
	action access.Action // else to whoever may do this
}

// anyone opens a route to everybody.
func anyone() gate { return gate{open: true} }

// may opens a route to who may do this.
func may(what access.Action) gate { return gate{action: what} }

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
		return next(c)
	}
}
