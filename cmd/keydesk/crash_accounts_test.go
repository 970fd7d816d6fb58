//go:build unix

package main

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// DUR-1, AZ-4: a change of a role that was answered survives a kill at any instant, and is whole: never is there an
// administrator with an active key.
func TestProveKilledRoleChanges(t *testing.T) {
	brief(t)
	dir := newDeskFolder(t)
	const enough = 20
	made, answered, round, rounds := 0, 0, 0, oneOf(8, 100)
	for ; round < rounds || answered < enough && round < 10*rounds; round++ {
		d, process := startProcess(t, dir)
		made = d.settled("bob", made)
		root := d.signIn("root")
		if d.role("bob") == "user" {
			d.signIn("bob").newKey()
		}
		next := d.role("bob")
		time.AfterFunc(time.Duration(40+17*(round%20))*time.Millisecond, func() { _ = process.Process.Kill() })
		for {
			next = map[string]string{"user": "admin", "admin": "user"}[next]
			answer, err := root.PostForm(d.url+"/admin/users/bob/role", url.Values{"role": {next}})
			if err != nil {
				break
			}
			if _, err := readAll(answer); err != nil || answer.StatusCode != http.StatusSeeOther {
				break
			}
			made, answered = made+1, answered+1
		}
		_ = process.Wait()
	}
	d, process := startProcess(t, dir)
	d.settled("bob", made)
	_ = process.Process.Kill()
	t.Logf("%d kills, %d changes of a role answered, which end sessions and keys", round, answered)
	if answered < enough {
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

// settled returns how many changes of the role there were after a kill: those that were answered, or one more, whose answer
// was lost. Either way the entries of the audit log tell the role, and the keys fit it.
func (d *desk) settled(userID string, answered int) (made int) {
	d.t.Helper()
	made = d.count(`SELECT count(*) FROM audit WHERE action = 'change role'`)
	if made != answered && made != answered+1 {
		d.t.Errorf("the audit log has %d changes of the role, and %d were answered", made, answered)
	}
	if role, told := d.role(userID), []string{"user", "admin"}[made%2]; role != told {
		d.t.Errorf("the audit log ends with %s, but %s is %s", told, userID, role)
	}
	if n := d.count(`SELECT count(*) FROM keys k JOIN users u ON u.id = k.user_id
		WHERE u.role = 'admin' AND k.deactivated_at IS NULL`); n != 0 {
		d.t.Errorf("administrators hold %d active keys", n)
	}
	return made
}
