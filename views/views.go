// Package views renders the pages and fragments of Keydesk: values in, HTML out.
package views

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/keydesk/keydesk/access"
)

// Page is what every page shows around its content.
type Page struct {
	Title string
	Actor access.Actor // signed in, or the zero value
	Demo  bool         // the data is thrown away at the end
}

// may tells whether the signed-in person may do this, so that no button is shown that would be refused.
func (p Page) may(what access.Action) bool { return access.Can(p.Actor, what) }

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

// rowID returns the id of a key's row.
func rowID(k access.Key) string { return "key-" + k.ID }

// verifyExample returns a curl line that asks whether a key is good.
func verifyExample(baseURL string) string {
	return fmt.Sprintf("curl -H \"Authorization: Bearer $KEY\" %s/api/v1/verify", baseURL)
}
