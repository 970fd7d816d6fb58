package views

import (
	"strconv"

	"github.com/a-h/templ"
)

const (
	helpPath     = "/help/api-keys"
	feedbackPath = helpPath + "/feedback"
)

// section is a part of the help, with the anchor that actions link to.
type section struct{ Anchor, Title string }

func helpSections() []section {
	return []section{
		{"what", "What an API key is"},
		{"make", "Make a key"},
		{"save", "Save a key"},
		{"use", "Use a key"},
		{"uses", "See what uses a key"},
		{"retire", "Retire a key"},
		{"who", "Who may do what"},
		{"accounts", "Accounts and passwords"},
		{"report", "What the report holds"},
	}
}

// helpTitle returns the title of a section. It panics on an anchor that is none.
func helpTitle(anchor string) string {
	for _, s := range helpSections() {
		if s.Anchor == anchor {
			return s.Title
		}
	}
	panic("help: no section " + anchor)
}

// helpPermissions is the table of who may do what: the action, a user's right, an administrator's.
func helpPermissions() [][3]string {
	return [][3]string{
		{"Make a key", "Yes, for themselves", "No, for nobody"},
		{"Deactivate a key", "Own keys", "Anybody's, with a reason"},
		{"See keys, masked, and what uses them", "Own keys", "Everybody's"},
		{"Export the report", "No", "Yes"},
		{"Manage users, see the login history", "No", "Yes"},
	}
}

// helpColumns says what each column of the report holds.
func helpColumns() [][2]string {
	return [][2]string{
		{"User ID", "Whose key it is. The rows are ordered by it, then by creation."},
		{"Masked Key", "8 asterisks and the last 4 characters."},
		{"Key Status", "active or inactive."},
		{"Key Age (days)", "Whole days of 24 hours since the key was made."},
		{"Last Used", "When the key was last accepted, in UTC (RFC 3339); empty when it never was."},
	}
}

// feedbackSwap has htmx put the answer in the place of the question.
func feedbackSwap() templ.Attributes {
	return templ.Attributes{
		"hx-post": feedbackPath, "hx-target": "#feedback", "hx-swap": "outerHTML", "hx-sync": "this:drop",
		"hx-status:422": "target:#feedback swap:outerHTML",
	}
}

func pressed(chosen bool) string { return strconv.FormatBool(chosen) }
