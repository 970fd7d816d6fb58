package main

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// DUR-1, AZ-4: a change of a role that was answered survives a kill at any instant, and is whole: never is there an
// administrator with an active key.
func TestKillLosesNoChangeOfARole(t *testing.T) {
	dir := newDeskFolder(t)
	role, answered := "user", 0
	for round := range 8 {
		d, process := startProcess(t, dir)
		if kept := d.role("bob"); kept != role && round > 0 && answered > 0 {
			t.Fatalf("round %d: bob is %s, and was answered to be %s", round, kept, role)
		}
		root := d.signIn("root")
		if d.role("bob") == "user" {
			d.signIn("bob").newKey()
		}
		time.AfterFunc(time.Duration(40+17*round)*time.Millisecond, func() { _ = process.Process.Kill() })
		for next := d.role("bob"); ; {
			next = map[string]string{"user": "admin", "admin": "user"}[next]
			answer, err := root.PostForm(d.url+"/admin/users/bob/role", url.Values{"role": {next}})
			if err != nil {
				break
			}
			if _, err := readAll(answer); err != nil || answer.StatusCode != http.StatusSeeOther {
				break
			}
			role, answered = next, answered+1
		}
		_ = process.Wait()
		role = d.settled("bob", role)
	}
	if answered < 20 {
		t.Errorf("only %d changes were answered: this shows little", answered)
	}
}

// role returns what the database says.
func (d *desk) role(userID string) (role string) {
	d.t.Helper()
	db := d.behind()
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(`SELECT role FROM users WHERE id = ?`, userID).Scan(&role); err != nil {
		d.t.Fatal(err)
	}
	return role
}

// settled returns the role after a kill. It is the last that was answered, or the next, whose answer was lost: then the
// audit log has one more entry. Either way the entries tell the role, and the keys fit it.
func (d *desk) settled(userID, answered string) string {
	d.t.Helper()
	role := d.role(userID)
	told := map[bool]string{true: "user", false: "admin"}[d.count(`SELECT count(*) FROM audit WHERE action = 'change role'`)%2 == 0]
	if role != told {
		d.t.Errorf("the audit log ends with %s, but %s is %s (answered: %s)", told, userID, role, answered)
	}
	if n := d.count(`SELECT count(*) FROM keys k JOIN users u ON u.id = k.user_id
		WHERE u.role = 'admin' AND k.deactivated_at IS NULL`); n != 0 {
		d.t.Errorf("administrators hold %d active keys", n)
	}
	return role
}
