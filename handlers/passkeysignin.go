package handlers

import (
	"bytes"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

const (
	secondPath = "/login/second"
	maxNext    = 1 << 10 // bytes of it that fit into the cookie of a ceremony
)

// signInChallenge asks whichever passkey of this desk the browser has.
func (a *App) signInChallenge(c echo.Context) error {
	return a.challenge(c, ceremony{For: forSignIn, Began: a.now()})
}

// passkeySignIn opens a session by a passkey alone. Whatever makes it fail, the answer is the same.
func (a *App) passkeySignIn(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	ctx, next := c.Request().Context(), localPath(form.Get("next"))
	if err := a.DB.CheckAddress(ctx, c.RealIP()); err != nil {
		return err
	}
	userID, use, err := a.answered(ctx, a.ceremony(c, forSignIn), form.Get("credential"))
	if err != nil {
		return err
	}
	outcome := access.SignedIn
	switch {
	case userID == "":
		userID, outcome = access.UnknownUser, access.UserUnknown
	case use == nil:
		outcome = access.WrongPasskey
	}
	attempt := access.Attempt{SignIn: a.signInEntry(c, userID, outcome), Passkey: use}
	attempt.Means = access.ByPasskey
	outcome, err = a.open(c, attempt, next)
	if err != nil || outcome == access.SignedIn {
		return err
	}
	return a.signInPage(c, views.SignIn{
		Next: next, PasskeyProblem: "This passkey does not open an account here, or it took longer than 5 minutes. Please try again, or use your password.",
	})
}

// open has an attempt decided, and if it succeeds opens the session and leads on.
func (a *App) open(c echo.Context, attempt access.Attempt, next string) (access.Outcome, error) {
	ctx, id, browser := c.Request().Context(), access.NewToken(), a.browser(c)
	attempt.Browser = access.HashToken(browser)
	outcome, err := a.DB.SignIn(ctx, attempt, db.Opening{
		Session: access.HashToken(id), Before: a.sessionHash(c), Limits: a.Limits,
	})
	if err != nil || outcome != access.SignedIn {
		return outcome, err
	}
	person, _, err := a.DB.Credentials(ctx, attempt.UserID)
	if err != nil {
		return outcome, err
	}
	a.forgetCeremony(c)
	return outcome, a.enter(c, id, browser, person, next)
}

// enter gives the browser the session that was opened for the person, and leads on.
func (a *App) enter(c echo.Context, id, browser string, person access.Person, next string) error {
	a.rememberBrowser(c, browser)
	if err := a.openSession(c, id, person); err != nil {
		return err
	}
	if next == exportPath {
		next = "/admin/users" // a download would leave the sign-in page standing
	}
	return c.Redirect(http.StatusSeeOther, next)
}

// awaitPasskey asks for the passkey of whose password was right.
func (a *App) awaitPasskey(c echo.Context, userID, passwordHash, next string) error {
	if len(next) > maxNext {
		next = "/"
	}
	err := a.begin(c, ceremony{
		For: forSecond, UserID: userID, Right: access.HashToken(passwordHash), Next: next, Began: a.now(),
	})
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, secondPath)
}

// secondForm asks for the passkey, or for a recovery code.
func (a *App) secondForm(c echo.Context) error {
	if a.ceremony(c, forSecond).UserID == "" {
		return a.beginAnew(c)
	}
	return a.secondPage(c, "")
}

func (a *App) secondPage(c echo.Context, problem string) error {
	page := views.SecondPage(views.Second{Page: a.page(c, "Confirm with your passkey"), Host: a.passkeyHost(), Problem: problem})
	return a.form(c, problem, page, page)
}

func (a *App) secondChallenge(c echo.Context) error {
	s := a.ceremony(c, forSecond)
	if s.UserID == "" {
		return access.Refuse(access.SignedOut, "", "That took too long. Please sign in again.")
	}
	s.Challenge = nil
	return a.challenge(c, s)
}

// beginAnew leads back to the first step.
func (a *App) beginAnew(c echo.Context) error {
	return c.Redirect(http.StatusSeeOther, "/login?note=begin-anew")
}

// second opens the session of whose password was right, by a passkey or a recovery code.
func (a *App) second(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	ctx, s := c.Request().Context(), a.ceremony(c, forSecond)
	if s.UserID == "" {
		return a.beginAnew(c)
	}
	if err := a.DB.CheckAddress(ctx, c.RealIP()); err != nil {
		return err
	}
	_, hash, err := a.DB.Credentials(ctx, s.UserID)
	if err != nil {
		return err
	}
	if !bytes.Equal(access.HashToken(hash), s.Right) { // the password was changed meanwhile
		return a.beginAnew(c)
	}
	attempt := access.Attempt{SignIn: a.signInEntry(c, s.UserID, access.SignedIn), Password: hash}
	next := s.Next
	if code := form.Get("code"); code != "" {
		attempt.Means, attempt.Recovery = access.ByPasswordAndRecovery, access.HashRecoveryCode(code)
		next = "/profile?note=recovery-used"
	} else {
		attempt.Means = access.ByPasswordAndPasskey
		if _, attempt.Passkey, err = a.answered(ctx, s, form.Get("credential")); err != nil {
			return err
		}
		if attempt.Passkey == nil {
			attempt.Outcome = access.WrongPasskey
		}
	}
	outcome, err := a.open(c, attempt, next)
	if err != nil || outcome == access.SignedIn {
		return err
	}
	return a.secondPage(c, "That passkey or recovery code is not right, or it was used already. Please try again.")
}
