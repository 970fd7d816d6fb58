package handlers

import (
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// What the session cookie carries. The row of the session in the database has the last word on all of it.
const (
	cookieSession = "session"
	cookieUser    = "user"
	cookieRole    = "role"
)

// newCookies returns the store of the session cookie: encrypted, HttpOnly, SameSite=Lax, and Secure under https. Its
// keys are sealed in the database.
func newCookies(c Config) *sessions.CookieStore {
	var keys [][]byte // the first pair seals, every pair opens
	for _, k := range c.DB.Secrets().SessionKeys {
		keys = append(keys, k.Hash, k.Block)
	}
	store := sessions.NewCookieStore(keys...)
	store.Options = &sessions.Options{
		Path: "/", HttpOnly: true, Secure: c.https(), SameSite: http.SameSiteLaxMode,
	}
	store.MaxAge(int(c.Limits.Max.Seconds()))
	return store
}

func (c Config) https() bool { return c.BaseURL.Scheme == "https" }

// cookieName has the __Host- prefix where the browser can hold us to it.
func (c Config) cookieName() string {
	if c.https() {
		return "__Host-keydesk"
	}
	return "keydesk"
}

// cookie returns the session cookie of the request, a new one when it has none that opens.
func (a *App) cookie(c echo.Context) *sessions.Session {
	s, err := a.cookies.Get(c.Request(), a.cookieName())
	if err != nil {
		a.Log.Debug("session cookie does not open", "request", requestID(c))
	}
	return s
}

// sessionHash returns what the database knows the browser's session by, or nil when it has none.
func (a *App) sessionHash(c echo.Context) []byte {
	if id, _ := a.cookie(c).Values[cookieSession].(string); id != "" {
		return access.HashToken(id)
	}
	return nil
}

// openSession gives the browser a new session of the person.
func (a *App) openSession(c echo.Context, id string, p access.Person) error {
	s := sessions.NewSession(a.cookies, a.cookieName())
	options := *a.cookies.Options
	s.Options = &options
	s.Values[cookieSession], s.Values[cookieUser], s.Values[cookieRole] = id, p.UserID, string(p.Role)
	return s.Save(c.Request(), c.Response())
}

// dropCookie takes the session cookie away from the browser.
func (a *App) dropCookie(c echo.Context) error {
	s := a.cookie(c)
	s.Options.MaxAge = -1
	return s.Save(c.Request(), c.Response())
}

const visitKey = "visit"

// visitOf returns the session of a request that signedIn let in.
func visitOf(c echo.Context) db.Visit {
	visit, _ := c.Get(visitKey).(db.Visit)
	return visit
}

// signedIn returns who makes the request by what the database says now, or refuses.
func (a *App) signedIn(c echo.Context) (access.Actor, error) {
	s, hash, ctx := a.cookie(c), a.sessionHash(c), c.Request().Context()
	if hash == nil {
		return access.Actor{}, access.Refuse(access.SignedOut, "", "You are not signed in. Please sign in.")
	}
	visit, err := a.DB.Session(ctx, hash, a.Limits)
	if err != nil {
		return access.Actor{}, err
	}
	person := visit.Person
	if s.Values[cookieUser] != person.UserID || s.Values[cookieRole] != string(person.Role) {
		return access.Actor{}, access.Refuse(access.SignedOut, "", "Your rights have changed. Please sign in again.")
	}
	if visit.Stale {
		if err := a.DB.MarkSession(ctx, hash); err != nil {
			a.Log.Warn("session not marked", "error", err, "request", requestID(c)) // it only ends sooner
		}
	}
	c.Set(visitKey, visit)
	return access.Actor{
		UserID: person.UserID, Role: person.Role, Address: c.RealIP(), Request: requestID(c), Session: visit.SessionID,
	}, nil
}
