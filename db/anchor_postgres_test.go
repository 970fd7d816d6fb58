package db_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// another opens the database of the desk by another instance, with an anchor of its own, none if empty.
func (d *anchoredDesk) another(anchor, accept string) (*db.DB, error) {
	o := d.options()
	o.Anchor, o.AcceptLoss = anchor, accept
	return db.Open(d.t.Context(), o)
}

// follows has an instance follow the others until the test ends.
func follows(t *testing.T, d *db.DB) {
	t.Helper()
	stop, err := d.Follow(t.Context(), db.Follower{
		Name: "x", Reserve: func(int) {}, Note: func(access.KeyChange) {}, Trouble: func(error) {}, Lost: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
}

// DUR-10, AUD-5: the anchor of each instance gets what others change, without a change of its own.
func TestAnchorFollowsOtherInstances(t *testing.T) {
	d := &anchoredDesk{desk: newPostgresDesk(t), file: filepath.Join(t.TempDir(), "keydesk.anchor")}
	d.start()
	follows(t, d.DB)
	other, err := d.another("", "")
	d.must(err)
	t.Cleanup(func() { _ = other.Close() })
	key, err := other.CreateKey(t.Context(), d.alice, d.fingerprint(), "")
	d.must(err)
	if _, err := other.DeactivateOwnKey(t.Context(), d.alice, key.ID); err != nil {
		t.Fatal(err)
	}
	_, checkpoint := d.head()
	last := strings.Split(checkpoint, "\n")[2]
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(d.anchorText(), last); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not")
		}
	}
	d.anchorHolds()
}

// DUR-10: an instance that is added begins its anchor when that is said, and the log keeps its name under those at work.
func TestAddedInstanceBeginsAnAnchorOfItsOwn(t *testing.T) {
	d := &anchoredDesk{desk: newPostgresDesk(t), file: filepath.Join(t.TempDir(), "keydesk.anchor")}
	d.start()
	follows(t, d.DB)
	mine := filepath.Join(t.TempDir(), "keydesk.anchor")
	_, err := d.another(mine, "")
	wantLine(t, "open", err, db.ErrNoAnchor, mine)
	other, err := d.another(mine, db.MissingAnchor)
	d.must(err)
	t.Cleanup(func() { _ = other.Close() })
	d.makeKey(d.alice)
	if _, err := other.CreateKey(t.Context(), d.alice, d.fingerprint(), ""); err != nil {
		t.Fatal(err)
	}
	d.makeKey(d.alice)
	d.anchorHolds()
	d.sound()
}

// DUR-10: what is lost is not given up while instances are at work that know nothing of it.
func TestLossIsNotAcceptedUnderInstancesAtWork(t *testing.T) {
	d := &anchoredDesk{desk: newPostgresDesk(t), file: filepath.Join(t.TempDir(), "keydesk.anchor")}
	d.start()
	backup := d.backup()
	d.makeKey(d.alice)
	d.close()
	d.path = backup
	d.accept = d.loses()
	other, err := d.another("", "")
	d.must(err)
	stop, err := other.Follow(t.Context(), db.Follower{
		Name: "x", Reserve: func(int) {}, Note: func(access.KeyChange) {}, Trouble: func(error) {}, Lost: func(error) {},
	})
	d.must(err)
	_, err = db.Open(t.Context(), d.options())
	wantLine(t, "open", err, nil, "stop them first")
	stop()
	d.must(other.Close())
	d.start()
	d.sound()
	d.anchorHolds()
}
