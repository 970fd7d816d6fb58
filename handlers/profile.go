package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/views"
)

func (a *App) profileShow(c echo.Context) error { return a.profilePage(c, nil) }

// profilePage shows the profile, with what is wrong with its password form.
func (a *App) profilePage(c echo.Context, problems views.Problems) error {
	v, err := a.profile(c)
	if err != nil {
		return err
	}
	v.Password = problems
	page := views.ProfilePage(v)
	return a.form(c, problems.Any(), page, page)
}

func (a *App) profile(c echo.Context) (v views.Profile, err error) {
	ctx, actor := c.Request().Context(), who(c)
	v = views.Profile{Page: a.page(c, "Profile"), Current: visitOf(c).SessionID, Now: a.now()}
	if v.Person, err = a.DB.Own(ctx, actor); err != nil {
		return v, err
	}
	if v.Sessions, err = a.DB.OwnSessions(ctx, actor, a.Limits); err != nil {
		return v, err
	}
	if v.Factor, err = a.DB.SecondFactor(ctx, actor.UserID); err != nil {
		return v, err
	}
	if v.Removed, err = a.DB.PasskeysRemoved(ctx, actor); err != nil {
		return v, err
	}
	v.Host = a.passkeyHost()
	v.Links, err = a.DB.OwnLinks(ctx, actor)
	return v, err
}

// passwordChange asks for the current password too, so that a session left open is not enough (ASVS 6.2.3): who found
// one has no more attempts at it than at sign-in.
func (a *App) passwordChange(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	browser := a.browser(c)
	person, before, outcome, err := a.attempt(c, login{who(c).UserID, form.Get("current"), browser}, db.Opening{})
	if err != nil {
		return err
	}
	if outcome != access.SignedIn {
		return a.profilePage(c, views.Problems{"current": "That is not your current password. Nothing was changed."})
	}
	after, short, err := a.newPassword(c, form.Get("password"), person)
	problems := views.Problems{}
	if err := problems.Note(err); err != nil {
		return err
	}
	if len(problems) > 0 {
		return a.profilePage(c, problems)
	}
	id := access.NewToken()
	from := access.Attempt{SignIn: a.signInEntry(c, person.UserID, outcome), Browser: access.HashToken(browser), Short: short}
	if from.Means = access.ByPassword; visitOf(c).Passkey {
		from.Means = access.ByPasswordAndPasskey
	}
	if err := a.DB.ChangePassword(c.Request().Context(), who(c), before, after, access.HashToken(id), from); err != nil {
		return err
	}
	a.rememberBrowser(c, browser)
	if err := a.openSession(c, id, person); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/profile?note=password-changed")
}

// sessionEnd ends one of the person's sessions; the one that asks is signed out.
func (a *App) sessionEnd(c echo.Context) error {
	id := c.Param("id")
	if id == visitOf(c).SessionID {
		return a.signOut(c)
	}
	if err := a.DB.EndOwnSession(c.Request().Context(), who(c), id); err != nil {
		return err
	}
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, "/profile?note=session-ended#sessions")
	}
	v, err := a.profile(c)
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.SessionEnded(v))
}

// sessionsEnd signs the person out everywhere, here too.
func (a *App) sessionsEnd(c echo.Context) error {
	if err := a.DB.EndOwnSessions(c.Request().Context(), who(c)); err != nil {
		return err
	}
	return a.signedOut(c, "/login?note=everywhere")
}

// linksSeen takes note of the set-password links that the person was shown: what has become of them since then is news.
func (a *App) linksSeen(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	until := a.now()
	if micros, err := strconv.ParseInt(form.Get("until"), 10, 64); err == nil {
		until = time.UnixMicro(micros)
	}
	if err := a.DB.NoteLinks(c.Request().Context(), who(c), until); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, a.backPath(c))
}
