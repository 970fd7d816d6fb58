// Package views renders the pages and fragments of Keydesk: values in, HTML out.
package views

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/dustin/go-humanize"

	"github.com/keydesk/keydesk/access"
)

// Page is what every page shows around its content.
type Page struct {
	Title string
	Path  string       // of the route, with its parameters by name
	Actor access.Actor // signed in, or the zero value
	Demo  bool         // the data is thrown away at the end
	Theme string       // ThemeLight or ThemeDark; empty follows the system
	Note  string       // what has just been done, as a sentence; may be empty

	NewLinks []access.Link // set-password links for the signed-in person that they have not taken note of
	Joined   bool          // the only such link is the one by which they set their first password
}

// The themes, as the form and the cookie name them.
const (
	ThemeLight  = "light"
	ThemeDark   = "dark"
	ThemeSystem = "system"
)

// may tells whether the signed-in person may do this, so that no button is shown that would be refused.
func (p Page) may(what access.Action) bool { return access.Can(p.Actor, what) }

// under tells whether the page belongs to the part of the desk that begins at href.
func (p Page) under(href templ.SafeURL) bool { return strings.HasPrefix(p.Path, string(href)) }

// firstIf returns the path of the first page on a later one, else nothing.
func firstIf(later bool, path string) templ.SafeURL {
	if !later {
		return ""
	}
	return templ.SafeURL(path)
}

// afterIf returns the path of the next page if there is one, else nothing.
func afterIf(path, after string) templ.SafeURL {
	if after == "" {
		return ""
	}
	return templ.SafeURL(path + after)
}

// chosen tells whether this value of the theme form is in force.
func chosen(theme, value string) bool { return theme == value || theme == "" && value == ThemeSystem }

// colorScheme returns what the browser's own parts, such as scroll bars, are drawn in.
func colorScheme(theme string) string {
	if theme == "" {
		return "light dark"
	}
	return theme
}

// linkState says whether a set-password link is open still.
func linkState(l access.Link, now time.Time) string {
	switch {
	case !l.UsedAt.IsZero():
		return ""
	case !l.WithdrawnAt.IsZero():
		return "It was withdrawn."
	case l.Expired(now):
		return "It has expired."
	}
	return "It can still be used."
}

// relative returns how long before now t was.
func relative(t, now time.Time) string {
	if now.Sub(t) < time.Second {
		return "just now"
	}
	return humanize.RelTime(t, now, "ago", "from now")
}

// exact returns t to the second, in UTC, for people.
func exact(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }

// machine returns t for the datetime attribute.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// days returns an age in words.
func days(n int) string {
	if n == 1 {
		return "1 day"
	}
	return strconv.Itoa(n) + " days"
}

// purpose says what the API Keys page is for.
func purpose(p Page) string {
	if p.may(access.CreateKey) {
		return "Your keys for this organisation's services. A key is shown in full once, when you make it."
	}
	return "Where users make and retire their own keys."
}

// lines returns the texts, each on a line of its own.
func lines(texts []string) string { return strings.Join(texts, "\n") }

// minutes returns how many minutes cover d.
func minutes(d time.Duration) int { return int(math.Ceil(d.Minutes())) }

// rowID returns the id of a key's row.
func rowID(k access.Key) string { return "key-" + k.ID }

// maskID returns the id of the masked form in a key's row, which tells the row's buttons from those of others.
func maskID(k access.Key) string { return "key-" + k.ID + "-mask" }

// verifyExample returns a curl line that asks whether a key is good.
func verifyExample(baseURL string) string {
	return fmt.Sprintf("curl -H \"Authorization: Bearer $KEY\" %s/api/v1/verify", baseURL)
}
