package handlers

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/keydesk/keydesk/access"
)

// fields reads the form of a request's body; what stands in its URL is no part of it. The first of two of a name counts.
func fields(c echo.Context) (url.Values, error) {
	r := c.Request()
	parse := r.ParseForm
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		parse = func() error { return r.ParseMultipartForm(maxBody) }
	}
	err := parse()
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); err != nil && !tooLarge {
		return nil, echo.ErrBadRequest
	}
	return r.PostForm, err
}

// shown returns what somebody typed as it may be shown to them again: without any API key.
func shown(typed string) string { return access.MaskSecrets(typed) }

// localPath returns next if it is a path of this desk, else the start page (ASVS 3.7.2).
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil ||
		!strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\t\r\n") ||
		strings.ContainsAny(next, "\\\t\r\n") {
		return "/"
	}
	if plain, err := url.QueryUnescape(next); err != nil || access.HoldsSecret(plain) {
		return "/" // a key that somebody put into an address goes no further
	}
	return next
}

// loginURL returns the sign-in page that goes on to next.
func loginURL(next string) string {
	if next = localPath(next); next == "/" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {next}}.Encode()
}
