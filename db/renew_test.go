package db_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// SEC-2: an old pepper goes with the last active key that was hashed under it, and not before.
func TestPepperRetiresWithItsLastActiveKey(t *testing.T) {
	d := newDesk(t)
	old := d.Secrets().Pepper
	key, hash := d.makeKey(d.alice)
	d.rotate(db.Rotation{Pepper: true})
	d.advance(2 * time.Hour)
	d.reopen() // or an instance would wait before it uses the new one
	fresh, _ := d.makeKey(d.alice)
	if d.Secrets().Pepper.ID == old.ID {
		t.Fatal("new keys are hashed under the old pepper")
	}
	d.must(d.RenewSecrets(t.Context()))
	if n := len(d.Secrets().Peppers); n != 2 || d.verdict(hash) != access.Accepted {
		t.Fatalf("there are %d peppers while a key needs the old one", n)
	}
	d.deactivate(d.alice, key.ID)
	d.must(d.RenewSecrets(t.Context()))
	if p := d.Secrets().Peppers; len(p) != 1 || p[0].ID == old.ID {
		t.Errorf("the peppers are %v", p)
	}
	var sealed []byte
	dbtest.Look(t, d.path, `SELECT sealed FROM secrets WHERE id = ?`, &sealed, old.ID)
	if c := d.changes()[0]; len(sealed) != 0 || c.Action != access.RenewSecrets || !strings.Contains(c.Detail, old.ID) {
		t.Errorf("%d bytes are kept, and the entry is %+v", len(sealed), c)
	}
	entries := len(d.changes())
	d.must(d.RenewSecrets(t.Context()))
	if len(d.changes()) != entries {
		t.Error("it retires again")
	}
	_, err := d.CreateKey(t.Context(), d.alice, old.Fingerprint(access.NewSecret("kd_")), "")
	if !errors.Is(err, access.ErrUnsaved) {
		t.Errorf("a key under the retired pepper: %v", err)
	}
	d.reopen()
	d.deactivate(d.alice, fresh.ID)
	d.must(d.RenewSecrets(t.Context()))
	if n := len(d.Secrets().Peppers); n != 1 {
		t.Errorf("the pepper of new keys went too: %d", n)
	}
}

// SES-8: session keys are renewed without a restart, and while other instances are at work; many rotations at once end
// no session.
func TestSessionKeysAreRenewedByInstancesAtWork(t *testing.T) {
	d := newDesk(t)
	another := d.another(d.digits)
	first := d.Secrets().SessionKeys[0]
	for range 5 {
		d.rotate(db.Rotation{Session: true})
	}
	d.advance(30*24*time.Hour + time.Second)
	d.must(another.RenewSecrets(t.Context()))
	d.must(d.RefreshSecrets(t.Context()))
	if n := len(d.Secrets().SessionKeys); n != 2 { // the last one of then, and its successor
		t.Errorf("there are %d session keys", n)
	}
	for _, k := range d.Secrets().SessionKeys {
		if bytes.Equal(k.Hash, first.Hash) {
			t.Error("the first one is kept, of which every session ended long ago")
		}
	}
}
