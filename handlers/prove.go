package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

const provePath = "/prove"

// proveURL returns the page on which the person proves again who they are, and that goes on to next.
func proveURL(next string) string {
	if next = localPath(next); next == "/" {
		return provePath
	}
	return provePath + "?" + url.Values{"next": {next}}.Encode()
}

func (a *App) proveForm(c echo.Context) error {
	return a.provePage(c, localPath(c.QueryParam("next")), nil)
}

func (a *App) provePage(c echo.Context, next string, problems views.Problems) error {
	factor, err := a.DB.SecondFactor(c.Request().Context(), who(c).UserID)
	if err != nil {
		return err
	}
	v := views.Prove{Page: a.page(c, "Confirm that it is you"), Next: next, Problems: problems, Minutes: int(a.FreshProof.Minutes())}
	if len(factor.Passkeys) > 0 {
		v.Host = a.passkeyHost()
	}
	page := views.ProvePage(v)
	return a.form(c, problems.Any(), page, page)
}

func (a *App) proveChallenge(c echo.Context) error {
	return a.challenge(c, ceremony{For: forProof, UserID: who(c).UserID, Began: a.now()})
}

// prove takes the password or a passkey of who is signed in. Who found a session left open has no more attempts at it than at
// sign-in.
func (a *App) prove(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	next, entry := localPath(form.Get("next")), a.signInEntry(c, who(c).UserID, access.Confirmed)
	var outcome access.Outcome
	entry.Means = access.ByPassword
	problem := views.Problems{"password": "That is not your password. Please try again."}
	if answer := form.Get("credential"); answer != "" {
		entry.Means = access.ByPasskey
		problem = views.Problems{"credential": "That passkey is not one of yours, or it took longer than 5 minutes. Please try again."}
		outcome, err = a.proveByPasskey(c, answer)
	} else {
		_, _, outcome, err = a.attempt(c, login{who(c).UserID, form.Get("password"), a.browser(c)}, db.Opening{})
	}
	if err != nil {
		return err
	}
	if outcome != access.SignedIn {
		return a.provePage(c, next, problem)
	}
	id := access.NewToken()
	if err := a.DB.Prove(c.Request().Context(), a.sessionHash(c), access.HashToken(id), entry); err != nil {
		return err
	}
	a.forgetCeremony(c)
	if err := a.openSession(c, id, access.Person{UserID: who(c).UserID, Role: who(c).Role}); err != nil {
		return err
	}
	if next == exportPath || next == exportSizePath {
		next = "/admin/users?note=proved" // a download would leave this page standing
	}
	return c.Redirect(http.StatusSeeOther, next)
}

func (a *App) proveByPasskey(c echo.Context, answer string) (access.Outcome, error) {
	ctx := c.Request().Context()
	if err := a.DB.CheckAddress(ctx, c.RealIP()); err != nil {
		return "", err
	}
	_, use, err := a.answered(ctx, a.ceremony(c, forProof), answer)
	if err != nil {
		return "", err
	}
	attempt := access.Attempt{SignIn: a.signInEntry(c, who(c).UserID, access.SignedIn), Passkey: use, Browser: access.HashToken(a.browser(c))}
	attempt.Means = access.ByPasskey
	if use == nil {
		attempt.Outcome = access.WrongPasskey
	}
	return a.DB.SignIn(ctx, attempt, db.Opening{})
}
