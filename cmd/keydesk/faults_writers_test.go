//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keydesk/keydesk/access"
)

// crowd is eight people who change everything at the same time: five their own keys, two administrators the keys of others,
// and one the roles and accounts of three more people.
type crowd struct {
	*ledger
	at     *instance
	handed chan provedKey // keys that are left to the administrators
	turns  atomic.Int64
}

const (
	makers      = 5
	subjects    = 3
	crowdUsers  = makers + subjects
	crowdAdmins = 3
)

func newCrowd(c *cluster) *crowd {
	return &crowd{ledger: openLedger(c.t, c.instances[0].database), at: c.instances[0], handed: make(chan provedKey, 1000)}
}

// work has everybody change what they can, and the instance killed after a while.
func (c *crowd) work(during time.Duration) {
	gone := make(chan struct{})
	var working sync.WaitGroup
	keep := func(on func() bool) {
		working.Go(func() {
			for on() {
			}
		})
	}
	for n := range makers {
		keep(func() bool { return c.makeKey(person(n)) })
	}
	for n := range crowdAdmins - 1 {
		keep(func() bool { return c.endKey(root(n+1), gone) })
	}
	keep(func() bool { return c.changePerson(root(0), person(makers+rand.IntN(subjects))) })
	time.Sleep(during)
	c.at.kill()
	close(gone)
	working.Wait()
}

func person(n int) string { return fmt.Sprintf("person%d", n) }
func root(n int) string   { return fmt.Sprintf("root%d", n) }

// makeKey makes a key of the person's, and then renames it, deactivates it or leaves it to an administrator, or nothing.
func (c *crowd) makeKey(owner string) (answered bool) {
	k, became := c.at.create(owner)
	c.noteMade(k, owner, became)
	if became != changed {
		return false
	}
	switch turn := c.turns.Add(1); {
	case turn%12 == 3: // which has a rate
		name := strconv.FormatInt(turn, 10)
		became = c.at.fill("/profile/keys/"+k.id, owner, url.Values{"name": {name}})
		c.note(k.id, access.RenameKey, became, keyRow(owner, name, "", ""))
		return became != unsure
	case turn%4 == 0:
		became = c.at.deactivate(k)
		c.note(k.id, access.DeactivateOwnKey, became, keyRow(owner, "", owner, ""))
	case turn%4 == 1:
		select {
		case c.handed <- k:
		default:
		}
	}
	return became == changed
}

// endKey deactivates somebody's key.
func (c *crowd) endKey(admin string, gone chan struct{}) (answered bool) {
	select {
	case <-gone:
		return false
	case k := <-c.handed:
		became := c.at.fill("/admin/keys/"+k.id+"/deactivate", admin, url.Values{"reason": {"leaked"}})
		c.note(k.id, access.DeactivateKey, became, keyRow(k.owner, "", admin, "leaked"))
		return became == changed
	}
}

// changePerson changes the role of somebody, disables the account, enables it, and changes the role back, in turn.
func (c *crowd) changePerson(admin, id string) (answered bool) {
	c.mu.Lock()
	row := c.rows[id]
	if did := c.deeds[id]; len(did) > 0 {
		row = did[len(did)-1].leaves
	}
	c.mu.Unlock()
	change := map[string]struct {
		what     access.Action
		path     string
		form     url.Values
		role     access.Role
		disabled bool
	}{
		personRow(access.User, false):  {access.ChangeRole, "/role", url.Values{"role": {"admin"}}, access.Admin, false},
		personRow(access.Admin, false): {access.DisableUser, "/disable", nil, access.Admin, true},
		personRow(access.Admin, true):  {access.ChangeRole, "/role", url.Values{"role": {"user"}}, access.User, true},
		personRow(access.User, true):   {access.EnableUser, "/enable", nil, access.User, false},
	}[row]
	became := c.at.fill("/admin/users/"+id+change.path, admin, change.form)
	c.note(id, change.what, became, personRow(change.role, change.disabled))
	return became == changed
}

// shownLittle tells whether too few changes were answered so far, or none of some kind.
func (c *crowd) shownLittle(enough int) bool {
	for _, what := range []access.Action{
		access.CreateKey, access.RenameKey, access.DeactivateOwnKey, access.DeactivateKey, access.ChangeRole, access.DisableUser,
		access.EnableUser,
	} {
		if c.answered[what] == 0 {
			return true
		}
	}
	return c.changes() < enough
}
