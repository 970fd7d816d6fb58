package handlers_test

import (
	"context"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/dbtest"
)

// newKey makes a key of the user's without the web, and returns it in full and by id.
func (d *desk) newKey(userID string) (secret, id string) {
	d.t.Helper()
	s := access.NewSecret(access.DefaultPrefix)
	key, err := d.db.CreateKey(context.Background(), access.Actor{UserID: userID},
		d.db.Secrets().Pepper.Fingerprint(s), "")
	d.must(err)
	return s.Reveal(), key.ID
}

// number returns the number of a key.
func (d *desk) number(id string) (n int64) {
	d.t.Helper()
	d.must(d.raw.QueryRow(`SELECT number FROM keys WHERE id = ?`, id).Scan(&n))
	return n
}

// used writes down that the key was used at this time.
func (d *desk) used(id string, at time.Time) {
	d.t.Helper()
	_, err := d.db.SaveUses(context.Background(), []access.Use{{
		Key: d.number(id), Day: access.Day(at), Service: "gateway", Address: "192.0.2.1", Accepted: 1, LastAt: at, UsedAt: at,
	}})
	d.must(err)
	d.must(d.db.MergeUses(context.Background()))
}

// flush writes down the uses that verify has noted.
func (d *desk) flush() {
	d.t.Helper()
	_, err := d.db.SaveUses(context.Background(), d.uses.Take())
	d.must(err)
	d.must(d.db.MergeUses(context.Background()))
}

// doubt has the desk not know what became of a key. Where it follows changes it has followed all of them then.
func (d *desk) doubt(c access.KeyChange) {
	d.t.Helper()
	for d.raw.Postgres() && value[bool](d, `SELECT applied < number FROM leases, audit_head`) {
		time.Sleep(time.Millisecond)
	}
	d.keys.Note(c)
}

// exec changes the database behind the desk's back.
func (d *desk) exec(query string, args ...any) {
	d.t.Helper()
	_, err := d.raw.Exec(query, args...)
	d.must(err)
}

// value returns the one value that a query finds.
func value[T any](d *desk, query string, args ...any) (v T) {
	d.t.Helper()
	d.must(d.raw.QueryRow(query, args...).Scan(&v))
	return v
}

// state sums up all that a request could change, but for sessions: the keys, the people, their links and the audit log.
func (d *desk) state() (all string) {
	d.t.Helper()
	for _, query := range []string{
		`SELECT number, (SELECT count(*) FROM audit) FROM audit_head`,
		`SELECT id, user_id, name, deactivated_at, reason FROM keys`,
		`SELECT id, name, email, role, password_hash, disabled_at FROM users`,
		`SELECT token_hash, user_id, used_at, withdrawn_at, seen_at FROM links`,
	} {
		all += dbtest.Rows(d.t, d.raw, query)
	}
	return all
}

// sessions returns which sessions the user has.
func (d *desk) sessions(userID string) string {
	d.t.Helper()
	return dbtest.Rows(d.t, d.raw, `SELECT id FROM sessions WHERE user_id = ?`, userID)
}

// stored returns every byte that the database keeps on the disk.
func (d *desk) stored() string {
	d.t.Helper()
	return string(dbtest.Written(d.t, d.path))
}
