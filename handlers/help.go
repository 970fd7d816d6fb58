package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

// help shows the article about API keys, and to administrators what people say of it.
func (a *App) help(c echo.Context) error { return a.helpPage(c, "", "") }

// helpPage shows the article, with what is wrong with the text that was typed.
func (a *App) helpPage(c echo.Context, typed, problem string) error {
	v, err := a.article(c)
	if err != nil {
		return err
	}
	if problem != "" {
		v.Given, v.Own.Helpful, v.Own.Text, v.Problem = true, false, typed, problem
	}
	return a.form(c, problem, views.FeedbackSection(v), views.HelpPage(v))
}

func (a *App) article(c echo.Context) (v views.Help, err error) {
	ctx, actor := c.Request().Context(), who(c)
	v = views.Help{Page: a.page(c, "Help: API keys"), BaseURL: a.BaseURL.String(), Now: a.now()}
	if v.Own, v.Given, err = a.DB.OwnFeedback(ctx, actor); err != nil {
		return v, err
	}
	if access.Can(actor, access.SeeFeedback) {
		v.Tally, v.Texts, err = a.DB.Feedback(ctx, actor)
	}
	return v, err
}

// feedback keeps whether the article was helpful to the person, and what they miss in it.
func (a *App) feedback(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	helpful := form.Get("helpful")
	if helpful != "yes" && helpful != "no" {
		return access.Refuse(access.Invalid, "helpful", "Please answer with Yes or No.")
	}
	text, err := access.ParseFeedback(form.Get("text"))
	if bad := access.Refused(err, access.Invalid); bad != nil {
		return a.helpPage(c, shown(form.Get("text")), bad.Message)
	}
	if err := a.DB.GiveFeedback(c.Request().Context(), who(c), helpful == "yes", text); err != nil {
		return err
	}
	if !isHTMX(c) {
		return c.Redirect(http.StatusSeeOther, "/help/api-keys#feedback")
	}
	v, err := a.article(c)
	if err != nil {
		return err
	}
	return a.render(c, http.StatusOK, views.FeedbackSection(v))
}
