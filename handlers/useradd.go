package handlers

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/views"
)

func (a *App) userAddForm(c echo.Context) error {
	return a.userAddPage(c, access.Person{}, nil)
}

func (a *App) userAddPage(c echo.Context, typed access.Person, problems views.Problems) error {
	v := views.AddUser{Page: a.page(c, "Add User"), Person: typed, Problems: problems, Swap: isHTMX(c)}
	return a.form(c, problems.Any(), views.AddUserBox(v), views.AddUserPage(v))
}

// userAdd adds a user without a password, and shows the link to set one, this once.
func (a *App) userAdd(c echo.Context) error {
	form, err := fields(c)
	if err != nil {
		return err
	}
	person, problems := parsePerson(form)
	person.Role, err = access.ParseRole(form.Get("role"))
	if err := problems.Note(err); err != nil {
		return err
	}
	if len(problems) > 0 {
		return a.userAddPage(c, typedPerson(form), problems)
	}
	token := access.NewToken()
	err = a.DB.InviteUser(c.Request().Context(), who(c), person, access.HashToken(token))
	if err := problems.Note(err); err != nil {
		return err
	}
	if len(problems) > 0 {
		return a.userAddPage(c, typedPerson(form), problems)
	}
	return a.showLink(c, views.LinkIssued{Person: person, URL: SetPasswordURL(a.BaseURL, token), Added: true})
}

// showLink shows a set-password link, this once.
func (a *App) showLink(c echo.Context, v views.LinkIssued) error {
	v.Page = a.page(c, "A link to set a password")
	return a.form(c, "", views.LinkBox(v), views.LinkPage(v))
}

// SetPasswordURL returns the address of the set-password link with this token.
func SetPasswordURL(base *url.URL, token string) string { return linkURL(base, setPasswordPath, token) }

// SetUpURL returns the address of the set-up link with this token.
func SetUpURL(base *url.URL, token string) string { return linkURL(base, setUpPath, token) }

func linkURL(base *url.URL, path, token string) string {
	return base.String() + path + "?" + url.Values{"token": {token}}.Encode()
}

// parsePerson reads who somebody is, with what is wrong with the fields.
func parsePerson(form url.Values) (p access.Person, problems views.Problems) {
	var errs [3]error
	p.UserID, errs[0] = access.ParseUserID(form.Get("user_id"))
	p.Name, errs[1] = access.ParseName(form.Get("name"))
	p.Email, errs[2] = access.ParseEmail(form.Get("email"))
	problems = views.Problems{}
	for _, err := range errs {
		_ = problems.Note(err) // they are refusals, all of them
	}
	return p, problems
}

// typedPerson returns the fields as they were typed, to be shown again.
func typedPerson(form url.Values) access.Person {
	return access.Person{
		UserID: shown(form.Get("user_id")), Name: shown(form.Get("name")), Email: shown(form.Get("email")),
		Role: access.Role(form.Get("role")),
	}
}
