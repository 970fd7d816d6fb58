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

// cookies is the store of the session cookie, with the keys that it was made with.
type cookies struct {
	*sessions.CookieStore
	secrets *db.Secrets
}

// store returns the store of the session cookie: encrypted, HttpOnly, SameSite=Lax, and Secure under https. Its keys are
// sealed in the database.
func (a *App) store() *cookies {
	secrets := a.DB.Secrets()
	if made := a.cookies.Load(); made != nil && made.secrets == secrets {
		return made
	}
	var keys [][]byte // the first pair seals, every pair opens
	for _, k := range secrets.SessionKeys {
		keys = append(keys, k.Hash, k.Block)
	}
	store := sessions.NewCookieStore(keys...)
	store.Options = &sessions.Options{
		Path: "/", HttpOnly: true, Secure: a.https(), SameSite: http.SameSiteLaxMode,
	}
	store.MaxAge(int(a.Limits.Max.Seconds()))
	made := &cookies{store, secrets}
	a.cookies.Store(made)
	return made
}

func (c Config) https() bool { return c.BaseURL.Scheme == "https" }

// cookieName has the __Host- prefix where the browser can hold us to it.
func (c Config) cookieName() string {
	if c.https() {
		return "__Host-keydesk"
	}
	return "keydesk"
}

const cookieKey = "cookie"

// cookie returns the session cookie of the request, a new one when it has none that opens.
func (a *App) cookie(c echo.Context) *sessions.Session {
	if s, ok := c.Get(cookieKey).(*sessions.Session); ok {
		return s
	}
	s, err := a.store().New(c.Request(), a.cookieName())
	if err != nil {
		a.refreshSecrets(c)
		s, err = a.store().New(c.Request(), a.cookieName())
	}
	if err != nil {
		a.Log.Debug("session cookie does not open", "request", requestID(c))
		c.Set(cookieClosedKey, true)
	}
	c.Set(cookieKey, s)
	return s
}

// refreshSecrets looks for new secrets: another instance may have sealed a cookie with a key that is not known here yet.
func (a *App) refreshSecrets(c echo.Context) {
	if err := a.DB.RefreshSecrets(c.Request().Context()); err != nil {
		a.Log.Warn("secrets are not read again", "error", err, "request", requestID(c))
	}
}

const cookieClosedKey = "cookie does not open"

// cookieUnknown tells whether the request has a cookie that does not open, perhaps because a secret does not.
func (a *App) cookieUnknown(c echo.Context) bool {
	closed, _ := c.Get(cookieClosedKey).(bool)
	return closed && a.DB.Secrets().Incomplete
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
	store := a.store()
	s := sessions.NewSession(store, a.cookieName())
	options := *store.Options
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
	if hash == nil && a.cookieUnknown(c) {
		return access.Actor{}, access.Refuse(access.Busy, "", "Whether you are signed in is not known at the moment. "+
			"Nothing was changed. Please try again in a minute.")
	}
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
