package views

import (
	"strconv"

	"github.com/mileusna/useragent"

	"github.com/keydesk/keydesk/access"
)

func (v AccountQuestion) title() string {
	id := v.Person.UserID
	switch v.Change {
	case ChangeRole:
		return "Change the role of " + id + " to " + roleName(otherRole(v.Person)) + "?"
	case ChangeDisable:
		return "Disable the account of " + id + "?"
	case ChangeEnable:
		return "Enable the account of " + id + "?"
	case ChangeReset:
		return "Reset the password of " + id + "?"
	case ChangePasskeys:
		return "Remove the passkeys of " + id + "?"
	}
	return "End the sessions of " + id + "?"
}

// sentences say what the change does, before it is done.
func (v AccountQuestion) sentences() []string {
	keys := count(v.Person.ActiveKeys, "active key is", "active keys are") + " deactivated for ever"
	if v.Person.ActiveKeys == 0 {
		keys = "there is no active key to deactivate"
	}
	switch {
	case v.Change == ChangeRole && otherRole(v.Person) == access.Admin:
		return []string{
			"Administrators never hold a key: " + keys + ".",
			"Administrators see every key masked, deactivate any, export the report and manage users.",
			"All sessions end: the new role begins with the next sign-in.",
		}
	case v.Change == ChangeRole:
		return []string{
			"Users make and retire their own keys, and see nobody else's.",
			"All sessions end: the new role begins with the next sign-in.",
		}
	case v.Change == ChangeDisable:
		return []string{
			"Signing in is no longer possible, and all sessions end.",
			"Keys do not outlive it: " + keys + ". Enabling the account again does not bring them back.",
		}
	case v.Change == ChangeEnable:
		return []string{"Signing in is possible again. Sessions and keys of before do not come back."}
	case v.Change == ChangeReset:
		return []string{
			"You get a link to pass on. With it the owner of the account chooses a new password; you cannot.",
			"The present password works until then. Using the link ends all sessions.",
			"The owner is told who issued the link.",
		}
	}
	if v.Change == ChangePasskeys {
		return []string{
			"For somebody who has lost their passkeys and recovery codes: make sure that it is them who ask.",
			"All of them are removed, so the password alone opens the account. Sessions end.",
			"A password of fewer than 15 characters is good beside a passkey only: it opens nothing until you issue a link for a new one.",
		}
	}
	return []string{"Every browser in which " + v.Person.UserID + " is signed in has to sign in again. Keys are not affected."}
}

func (v AccountQuestion) button() string {
	return map[string]string{
		ChangeRole: "Change role to " + roleName(otherRole(v.Person)), ChangeDisable: "Disable account", ChangeEnable: "Enable account",
		ChangeReset: "Issue a link", ChangePasskeys: "Remove passkeys", ChangeEnd: "End sessions",
	}[v.Change]
}

// grave tells whether the change takes something away for ever.
func (v AccountQuestion) grave() bool {
	return v.Change == ChangeDisable || v.Change == ChangePasskeys || v.Change == ChangeRole && v.Person.ActiveKeys > 0
}

// target and swap are where the answer goes: a reset shows its link in the dialog, the others change the user's page.
func (v AccountQuestion) target() string {
	if v.Change == ChangeReset {
		return "#dialog"
	}
	return "#user"
}

func (v AccountQuestion) swap() string {
	if v.Change == ChangeReset {
		return "innerHTML"
	}
	return "outerHTML"
}

func roleName(r access.Role) string {
	if r == access.Admin {
		return "administrator"
	}
	return "user"
}

// count returns a number with the words for one or for any other number of things.
func count(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// orNone returns the text, or a dash for none.
func orNone(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// browserName returns the browser and system that a user agent names, such as "Firefox on Linux", or the user agent
// itself where it names none.
func browserName(userAgent string) string {
	ua := useragent.Parse(userAgent)
	switch {
	case ua.Name == "" && userAgent == "":
		return "Unknown browser"
	case ua.Name == "" || ua.OS == "":
		return userAgent
	}
	return ua.Name + " on " + ua.OS
}
