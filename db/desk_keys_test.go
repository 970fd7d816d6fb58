package db_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// fingerprint returns that of a fresh API key.
func (d *desk) fingerprint() access.Fingerprint {
	return d.Secrets().Pepper.Fingerprint(access.NewSecret(access.DefaultPrefix))
}

// makeKey makes a key of the actor's and returns it with its hash.
func (d *desk) makeKey(owner access.Actor) (access.Key, []byte) {
	d.t.Helper()
	f := d.fingerprint()
	key, err := d.CreateKey(d.t.Context(), owner, f, "")
	if err != nil {
		d.t.Fatal(err)
	}
	return key, f.Hash
}

func (d *desk) deactivate(owner access.Actor, id string) access.Key {
	d.t.Helper()
	key, err := d.DeactivateOwnKey(d.t.Context(), owner, id)
	if err != nil {
		d.t.Fatal(err)
	}
	return key
}

// number returns the number of a key.
func (d *desk) number(id string) (n int64) {
	d.t.Helper()
	dbtest.Look(d.t, d.path, `SELECT number FROM keys WHERE id = ?`, &n, id)
	return n
}

// saveUses writes down that the keys were used at these times, by one caller.
func (d *desk) saveUses(last map[string]time.Time) error {
	d.t.Helper()
	var uses []access.Use
	for id, at := range last {
		uses = append(uses, access.Use{
			Key: d.number(id), Day: access.Day(at), Service: "gateway", Address: "192.0.2.1", Accepted: 1, LastAt: at, UsedAt: at,
		})
	}
	n, err := d.SaveUses(d.t.Context(), uses)
	if err == nil && n != len(uses) {
		d.t.Errorf("%d of %d uses were written", n, len(uses))
	}
	d.merge()
	return err
}

// merge merges all new uses.
func (d *desk) merge() {
	d.t.Helper()
	if err := d.MergeAll(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) verdict(hash []byte) access.Verdict {
	d.t.Helper()
	return verdict(d.t, d.DB, hash)
}

// verdict returns what the database has of the key with this hash.
func verdict(t *testing.T, d *db.DB, hash []byte) access.Verdict {
	t.Helper()
	found := access.Unknown
	err := d.AllKeys(t.Context(), func(int) {}, func(c access.KeyChange) {
		if bytes.Equal(c.Hash[:], hash) {
			found = map[access.Status]access.Verdict{access.Active: access.Accepted, access.Inactive: access.Deactivated}[c.Status]
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
