package handlers_test

import (
	"net/http"
	"net/url"
)

// kindOfChange is a kind of change, made on a desk on which none was made yet since it was opened.
type kindOfChange struct {
	name string
	make func(o *original, as func(userID string) *visitor) reply
	done int    // the status of its answer
	rows string // counts what it does
	also string // what is written down of it; the audit entry where this is empty
	ends string // whose key it deactivates, if it does
}

// changes are all kinds of change.
var changes = []kindOfChange{
	{
		name: "create key", done: http.StatusOK, rows: `SELECT count(*) FROM keys WHERE user_id = 'alice'`,
		make: func(_ *original, as func(string) *visitor) reply { return as("alice").post("/profile/keys", nil) },
	}, {
		name: "deactivate own key", done: http.StatusSeeOther, ends: "alice",
		rows: `SELECT count(*) FROM keys WHERE user_id = 'alice' AND deactivated_by = 'alice'`,
		make: func(o *original, as func(string) *visitor) reply {
			return as("alice").post("/profile/keys/"+o.ids["alice"]+"/deactivate", nil)
		},
	}, {
		name: "deactivate key", done: http.StatusSeeOther, ends: "bob",
		rows: `SELECT count(*) FROM keys WHERE user_id = 'bob' AND deactivated_by = 'root' AND reason = 'leaked'`,
		make: func(o *original, as func(string) *visitor) reply {
			return as("root").post("/admin/keys/"+o.ids["bob"]+"/deactivate", url.Values{"reason": {"leaked"}})
		},
	}, {
		name: "change role", done: http.StatusSeeOther, ends: "bob",
		rows: `SELECT count(*) FROM users u WHERE id = 'bob' AND role = 'admin'
			AND NOT EXISTS (SELECT 1 FROM keys WHERE user_id = 'bob' AND deactivated_at IS NULL)
			AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = 'bob')`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("root").post("/admin/users/bob/role", url.Values{"role": {"admin"}})
		},
	}, {
		name: "disable user", done: http.StatusSeeOther, ends: "bob",
		rows: `SELECT count(*) FROM users u WHERE id = 'bob' AND disabled_at IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM keys WHERE user_id = 'bob' AND deactivated_at IS NULL)
			AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = 'bob')`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("root").post("/admin/users/bob/disable", nil)
		},
	}, {
		name: "enable user", done: http.StatusSeeOther,
		rows: `SELECT count(*) FROM users WHERE id = 'carol' AND disabled_at IS NULL`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("root").post("/admin/users/carol/enable", nil)
		},
	}, {
		name: "rename key", done: http.StatusSeeOther, rows: `SELECT count(*) FROM keys WHERE name = 'CI'`,
		make: func(o *original, as func(string) *visitor) reply {
			return as("alice").post("/profile/keys/"+o.ids["alice"], url.Values{"name": {"CI"}})
		},
	}, {
		name: "change password", done: http.StatusSeeOther,
		rows: `SELECT count(*) FROM users WHERE id = 'alice' AND password_hash <> (SELECT password_hash FROM users WHERE id = 'carol')`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("alice").post("/profile/password", newPasswordForm(password, "another horse desk battery"))
		},
	}, {
		name: "add user", done: http.StatusOK,
		rows: `SELECT count(*) FROM users u JOIN links l ON l.user_id = u.id WHERE u.id = 'dave'`,
		make: func(_ *original, as func(string) *visitor) reply { return as("root").post("/admin/users", newUser()) },
	}, {
		name: "issue password link", done: http.StatusOK, rows: `SELECT count(*) FROM links WHERE user_id = 'bob'`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("root").post("/admin/users/bob/reset", nil)
		},
	}, {
		name: "end sessions", done: http.StatusSeeOther,
		rows: `SELECT 1 - count(*) FROM sessions WHERE user_id = 'bob'`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("root").post("/admin/users/bob/sessions/end", nil)
		},
	}, {
		name: "end own sessions", done: http.StatusSeeOther,
		rows: `SELECT 1 - count(*) FROM sessions WHERE user_id = 'alice'`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("alice").post("/profile/sessions/end", nil)
		},
	}, {
		name: "give feedback", done: http.StatusSeeOther, rows: `SELECT count(*) FROM feedback WHERE user_id = 'alice'`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("alice").post(feedbackPath, url.Values{"helpful": {"yes"}})
		},
	}, {
		name: "sign in", done: http.StatusSeeOther, rows: `SELECT count(*) FROM sessions WHERE user_id = 'erin'`,
		also: `SELECT count(*) FROM sign_ins WHERE user_id = 'erin'`,
		make: func(_ *original, as func(string) *visitor) reply {
			return as("").post("/login", url.Values{"user_id": {"erin"}, "password": {password}})
		},
	}, {
		name: "sign out", done: http.StatusSeeOther, rows: `SELECT 1 - count(*) FROM sessions WHERE user_id = 'bob'`,
		also: `SELECT count(*) FROM sign_ins WHERE user_id = 'bob' AND outcome = 'signed out'`,
		make: func(_ *original, as func(string) *visitor) reply { return as("bob").post("/logout", nil) },
	},
}
