package db_test

import (
	"bytes"
	"testing"
	"time"
)

// SES-8: a session key gets a successor, and opens what it sealed for another month.
func TestSessionKeyIsRenewedWithOverlap(t *testing.T) {
	const life = 30 * 24 * time.Hour
	d := newDesk(t)
	first := d.Secrets()
	if len(first.SessionKeys) != 1 {
		t.Fatalf("a new database has %d session keys", len(first.SessionKeys))
	}
	d.advance(life - time.Second)
	d.reopen()
	if n := len(d.Secrets().SessionKeys); n != 1 {
		t.Fatalf("%d session keys before their time", n)
	}
	d.advance(time.Second)
	d.reopen()
	d.advance(2 * time.Hour)
	d.reopen() // of several instances none uses it at once
	second := d.Secrets()
	if len(second.SessionKeys) != 2 || !bytes.Equal(second.SessionKeys[1].Hash, first.SessionKeys[0].Hash) ||
		bytes.Equal(second.SessionKeys[0].Hash, first.SessionKeys[0].Hash) {
		t.Fatalf("%d session keys, the newest is not the first", len(second.SessionKeys))
	}
	d.advance(life - 2*time.Hour)
	d.reopen()
	d.advance(2 * time.Hour)
	d.reopen()
	third := d.Secrets()
	if len(third.SessionKeys) != 2 || !bytes.Equal(third.SessionKeys[1].Hash, second.SessionKeys[0].Hash) {
		t.Errorf("%d session keys, the first is not gone", len(third.SessionKeys))
	}
	if third.Pepper.ID != first.Pepper.ID {
		t.Error("the pepper changed: every key would be unknown")
	}
}
