package db_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// DUR-3, DUR-4, DUR-10: a change that cannot be anchored may last or not, and nobody is told that it is made; then nothing is
// changed until the anchor can be written again, which needs no restart. Keys are known all the while.
func TestChangesWaitUntilTheAnchorCanBeWritten(t *testing.T) {
	for name, fault := range map[string]db.AnchorFault{
		"no space":         {Write: os.ErrClosed, Some: 40},
		"a failing disk":   {Sync: os.ErrClosed},
		"no file":          {Open: os.ErrNotExist},
		"no way to cut it": {Sync: os.ErrClosed, Truncate: os.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			d := newAnchoredDesk(t)
			key, hash := d.makeKey(d.alice)
			lost, lostHash := d.makeKey(d.alice)
			mend := d.BreakAnchor(fault)
			_, err := d.DeactivateOwnKey(t.Context(), d.alice, key.ID)
			if !errors.Is(err, access.ErrUnsure) || errors.Is(err, access.ErrUnsaved) {
				t.Errorf("the first: %v", err)
			}
			content := d.content()
			for range 3 {
				_, err = d.DeactivateOwnKey(t.Context(), d.alice, lost.ID)
				if !errors.Is(err, access.ErrUnsaved) || errors.Is(err, access.ErrUnsure) {
					t.Errorf("the next: %v", err)
				}
			}
			if after := d.content(); after != content {
				t.Errorf("before\n%safter\n%s", content, after)
			}
			if d.verdict(hash) != access.Deactivated || d.verdict(lostHash) != access.Accepted {
				t.Error("the keys are not known as they are")
			}
			mend()
			d.deactivate(d.alice, lost.ID)
			d.deactivate(d.alice, key.ID) // which is sure by now
			d.anchorHolds()
			d.start()
			d.anchorHolds()
		})
	}
}

// DUR-10: who deactivates a key that is inactive already, but not anchored, is not told that it is done either.
func TestDeactivationThatIsNotAnchoredIsNotConfirmed(t *testing.T) {
	d := newAnchoredDesk(t)
	key, _ := d.makeKey(d.alice)
	held, let := d.HoldAnchor()
	first := make(chan error)
	go func() {
		_, err := d.DeactivateOwnKey(context.WithoutCancel(t.Context()), d.alice, key.ID)
		first <- err
	}()
	select {
	case <-held: // it is committed
	case err := <-first:
		t.Fatalf("it was answered without the anchor: %v", err)
	}
	second := make(chan error)
	go func() {
		_, err := d.DeactivateKey(context.WithoutCancel(t.Context()), d.root, key.ID, "")
		second <- err
	}()
	select {
	case err := <-second:
		t.Errorf("confirmed, %v", err)
	case <-time.After(100 * time.Millisecond): // or it is slow, and nothing is shown
	}
	let()
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
	d.anchorHolds()
}

// DUR-10: a file that took the anchor's place is not written, nor the one that nobody can find any more.
func TestAnchorThatIsTakenAwayStopsChanges(t *testing.T) {
	d := newAnchoredDesk(t)
	d.must(os.Rename(d.file, d.file+".old"))
	if _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), ""); !errors.Is(err, access.ErrUnsure) {
		t.Errorf("removed: %v", err)
	}
	d.must(os.WriteFile(d.file, nil, 0o600))
	if _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), ""); !errors.Is(err, access.ErrUnsaved) {
		t.Errorf("another: %v", err)
	}
	d.must(os.Rename(d.file+".old", d.file))
	d.makeKey(d.alice)
	d.anchorHolds()
}
