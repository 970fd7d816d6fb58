package handlers

import (
	"context"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/labstack/echo/v4"
	"github.com/valyala/fasthttp"
)

// Table returns the method and path of every route of the table.
func (a *App) Table() (table []string) {
	for _, r := range a.routes() {
		table = append(table, r.method+" "+r.path)
	}
	return table
}

// Proven tells whether a route of the table needs a fresh proof of identity.
func (a *App) Proven(line string) bool {
	for _, r := range a.routes() {
		if line == r.method+" "+r.path {
			return r.gate.proven
		}
	}
	return false
}

// PasskeyMade tells whether the text is a passkey that was made in answer to the challenge.
func (a *App) PasskeyMade(challenge, handle []byte, credential string) bool {
	return a.made(ceremony{For: forAdding, UserID: "alice", Challenge: challenge, Handle: handle}, credential) != nil
}

// PasskeyRead tells whether the text can be read as the answer of a passkey.
func (a *App) PasskeyRead(credential string) bool {
	_, err := protocol.ParseCredentialRequestResponseBytes([]byte(credential))
	return err == nil
}

// Handle adds a GET route that the table does not have.
func (a *App) Handle(path string, handle echo.HandlerFunc) { a.echo.GET(path, handle) }

// Handle answers a request of the inner address.
func (in *Inner) Handle(ctx *fasthttp.RequestCtx) { in.handle(ctx) }

// RefusedAt returns when the connection of the context was last refused, or else made.
func RefusedAt(ctx context.Context) time.Time {
	p, _ := ctx.Value(paceKey{}).(*pace)
	return p.last
}
