package handlers

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// turn waits until a password of this request may be hashed. Call done when it is.
func (a *App) turn(c echo.Context) (done func(), err error) {
	return a.passwords.wait(c.Request().Context(), access.Network(c.RealIP()))
}

// login is who tries to sign in, with what.
type login struct {
	userID, password string
	browser          string // what tells it from others
}

// attempt looks at a password and has the attempt decided and written down. It returns whose it is, the hash of the
// password, and how that went. All of it happens in one turn, so that a flood cannot slip in many attempts before the
// first is counted; who has to wait by then costs no hash.
func (a *App) attempt(c echo.Context, l login, o db.Opening) (p access.Person, hash string, how access.Outcome, err error) {
	ctx := c.Request().Context()
	if err := a.DB.CheckAddress(ctx, c.RealIP()); err != nil {
		return p, "", "", err
	}
	done, err := a.turn(c)
	if err != nil {
		return p, "", "", err
	}
	defer done()
	if err := a.DB.CheckAddress(ctx, c.RealIP()); err != nil {
		return p, "", "", err
	}
	p, hash, how, err = a.authenticate(ctx, l)
	if err != nil {
		return p, "", "", err
	}
	attempt := access.Attempt{SignIn: a.signInEntry(c, p.UserID, how), Password: hash, Browser: access.HashToken(l.browser)}
	attempt.Means = access.ByPassword
	how, err = a.DB.SignIn(ctx, attempt, o)
	right := how == access.SignedIn || how == access.AwaitsPasskey
	if err == nil && right && o.Session != nil && access.OutdatedHash(hash) {
		hash = a.rehash(c, p.UserID, l.password, hash)
	}
	return p, hash, how, err
}

// authenticate returns who has this User ID and password, the hash of the account's password, and how that went. It
// takes the same work in every case.
func (a *App) authenticate(ctx context.Context, l login) (p access.Person, hash string, how access.Outcome, err error) {
	if p, hash, err = a.DB.Credentials(ctx, l.userID); err != nil {
		return p, "", "", err
	}
	matches, err := access.PasswordMatches(l.password, hash)
	switch {
	case err != nil:
		return p, "", "", err
	case p.UserID == "":
		return access.Person{UserID: access.UnknownUser}, "", access.UserUnknown, nil
	case hash == "":
		return p, "", access.NoPassword, nil
	case !matches:
		return p, hash, access.WrongPassword, nil
	case !p.Enabled():
		return p, hash, access.UserDisabled, nil
	}
	return p, hash, access.SignedIn, nil
}

// rehash keeps the password under today's parameters, and returns its hash. That can wait for the next sign-in if it fails.
func (a *App) rehash(c echo.Context, userID, password, before string) string {
	after, err := access.HashPassword(access.NormalPassword(password))
	if err == nil {
		err = a.DB.RehashPassword(c.Request().Context(), userID, before, after)
	}
	if err != nil {
		a.Log.Warn("password not hashed anew", "error", err, "request", requestID(c))
		return before
	}
	return after
}

// newPassword returns the hash of a new password and whether it is short, or a refusal that says what it lacks. Telling how easy
// it is to guess takes as long as hashing it, so both have their turn.
func (a *App) newPassword(c echo.Context, typed string, owner access.Person) (hash string, short bool, err error) {
	factor, err := a.DB.SecondFactor(c.Request().Context(), owner.UserID)
	if err != nil {
		return "", false, err
	}
	parse := access.ParsePassword
	if len(factor.Passkeys) > 0 {
		parse = access.ParseSecondPassword
	}
	done, err := a.turn(c)
	if err != nil {
		return "", false, err
	}
	defer done()
	password, err := parse(typed, owner.UserID, owner.Name, owner.Email)
	if err != nil {
		return "", false, err
	}
	hash, err = access.HashPassword(password)
	return hash, access.ShortPassword(password), err
}
