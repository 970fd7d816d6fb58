package handlers

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/gorilla/securecookie"
	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

// What a challenge of a passkey is for. An answer to one is good for nothing else.
const (
	forSignIn = "sign in"
	forSecond = "sign in after the password"
	forProof  = "prove"
	forAdding = "add"
)

// newParty returns this desk as authenticators know it (WebAuthn, relying party), or nil where it is reached by a number, which no
// authenticator takes. On this machine it is localhost.
func newParty(base *url.URL) (*webauthn.WebAuthn, error) {
	name, origin := base.Hostname(), *base
	origin.Path = ""
	if ip := net.ParseIP(name); ip != nil && !ip.IsLoopback() {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	} else if ip != nil {
		name, origin.Host = "localhost", "localhost"
		if port := base.Port(); port != "" {
			origin.Host = net.JoinHostPort(name, port)
		}
	}
	return webauthn.New(&webauthn.Config{RPID: name, RPDisplayName: "Keydesk", RPOrigins: []string{origin.String()}})
}

// ceremony is what the desk has to remember between its challenge and the answer. It stands, encrypted, in a cookie of the browser:
// who is not signed in leaves nothing in the database (ASVS 7.2.3).
type ceremony struct {
	For       string
	UserID    string // whose passkey is to answer; empty for anybody's
	Right     []byte // of forSecond: hash of the password hash that was right
	Challenge []byte
	Handle    []byte // of forAdding: by which the authenticator is to know the account
	Next      string // where to go on
	Began     time.Time
}

// ceremonyCookie is another than the session's, as it also stands where there is none.
func (a *App) ceremonyCookie() string { return a.cookieName() + "-ceremony" }

// begin has the browser keep a ceremony, in the place of any former one.
func (a *App) begin(c echo.Context, s ceremony) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sealed, err := securecookie.EncodeMulti(a.ceremonyCookie(), text, a.store().Codecs...)
	if err != nil {
		return err
	}
	a.setCeremony(c, sealed, int(access.CeremonyLife.Seconds()))
	return nil
}

// forgetCeremony takes it away from the browser.
func (a *App) forgetCeremony(c echo.Context) { a.setCeremony(c, "", -1) }

func (a *App) setCeremony(c echo.Context, value string, maxAge int) {
	c.SetCookie(&http.Cookie{
		Name: a.ceremonyCookie(), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: a.https(),
		SameSite: http.SameSiteLaxMode,
	})
}

// ceremony returns the one that the browser keeps, if it is for this and not over, else the zero value.
func (a *App) ceremony(c echo.Context, what string) ceremony {
	var text []byte
	var s ceremony
	cookie, err := c.Cookie(a.ceremonyCookie())
	if err != nil || !a.opens(c, cookie, &text) || json.Unmarshal(text, &s) != nil || s.For != what || !access.Fresh(s.Began, a.now(), access.CeremonyLife) {
		return ceremony{}
	}
	return s
}

// opens reads what the cookie holds, and tells whether it is this desk's.
func (a *App) opens(c echo.Context, cookie *http.Cookie, text *[]byte) bool {
	if securecookie.DecodeMulti(cookie.Name, cookie.Value, text, a.store().Codecs...) == nil {
		return true
	}
	a.refreshSecrets(c)
	return securecookie.DecodeMulti(cookie.Name, cookie.Value, text, a.store().Codecs...) == nil
}
