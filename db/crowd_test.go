package db_test

import (
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// crowded opens a database with a crowd.
func crowded(t *testing.T, users, keys int, seed uint64) (*desk, []access.Made) {
	t.Helper()
	d := emptyDesk(t)
	d.root = access.Actor{UserID: "root", Role: access.Admin}
	if db.IsPostgres(d.path) {
		return d, d.fillOutside(users, keys, seed)
	}
	return d, d.fill(users, keys, seed)
}

// fillOutside makes a crowd up in PostgreSQL, which Fill is not for.
func (d *desk) fillOutside(users, keys int, seed uint64) (made []access.Made) {
	d.t.Helper()
	c := access.Crowd{Users: users, Keys: keys, Seed: seed, Now: d.Now()}
	var people []string
	for p := range c.People() {
		people = append(people, p.UserID)
	}
	dbtest.Exec(d.t, d.path, `INSERT INTO users (id, name, name_folded, role, password_hash, created_at)
		SELECT id, '', '', 'user', '', 0 FROM unnest(?::text[]) AS id`, people)
	var ids, owners, last4s, enders []string
	var hashes [][]byte
	var numbers, created, ended, used []int64
	for k := range c.Made("kd_") {
		made = append(made, k)
		f := d.Secrets().Pepper.Fingerprint(k.Secret)
		ids, numbers, owners, hashes, last4s = append(ids, k.ID), append(numbers, k.Number), append(owners, k.UserID), append(hashes, f.Hash), append(last4s, f.Last4)
		created, ended, enders = append(created, k.CreatedAt.UnixMicro()), append(ended, k.DeactivatedAt.UnixMicro()), append(enders, k.DeactivatedBy)
		used = append(used, k.LastUsedAt.UnixMicro())
	}
	dbtest.Exec(d.t, d.path, `INSERT INTO keys (id, number, user_id, hash, pepper_id, last4, name, created_at, deactivated_at, deactivated_by)
		SELECT id, number, owner, hash, ?, last4, '', created, CASE WHEN ended > 0 THEN ended END, nullif(ender, '')
		FROM unnest(?::text[], ?::bigint[], ?::text[], ?::bytea[], ?::text[], ?::bigint[], ?::bigint[], ?::text[])
		AS k (id, number, owner, hash, last4, created, ended, ender)`,
		d.Secrets().Pepper.ID, ids, numbers, owners, hashes, last4s, created, ended, enders)
	dbtest.Exec(d.t, d.path, `INSERT INTO last_uses (key, last_used_at)
		SELECT key, used FROM unnest(?::bigint[], ?::bigint[]) AS u (key, used) WHERE used > 0`, numbers, used)
	return made
}
