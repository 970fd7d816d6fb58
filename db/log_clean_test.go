package db_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/provetest"
)

// AUD-4: whatever happens by the program itself, nothing is found.
func TestProveLogIsClean(t *testing.T) {
	rounds := 12
	if provetest.Asked() {
		rounds = 1000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	entries, actions := int64(0), map[access.Action]bool{}
	for i := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		d := newDesk(t)
		newLife(d, r).live(20 + r.IntN(60))
		state := d.verified()
		if !state.Sound() {
			t.Errorf("round %d: %q", i, state.Findings)
		}
		entries += state.Size
		for _, c := range d.changes() {
			actions[c.Action] = true
			if !slices.Contains(access.Recorded(), c.Action) {
				t.Errorf("%s is not among those that can be asked for", c.Action)
			}
		}
		d.close()
		if !db.IsPostgres(d.path) {
			d.must(os.RemoveAll(filepath.Dir(d.path)))
		}
	}
	if len(actions) < 14 {
		t.Errorf("only %d kinds of change happened: %v", len(actions), actions)
	}
	t.Logf("%d databases, %d entries of %d kinds", rounds, entries, len(actions))
}

// AUD-4, AUD-9: while everybody makes changes, a check sees one state, and finds nothing.
func TestLogIsCheckedWhileItGrows(t *testing.T) {
	d := newDesk(t)
	stop, done := make(chan struct{}), make(chan error)
	for _, who := range []access.Actor{d.alice, d.bob} {
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
					if _, err := d.CreateKey(t.Context(), who, d.fingerprint(), ""); err != nil {
						done <- err
						return
					}
				}
			}
		}()
	}
	sizes := map[int64]bool{}
	for len(sizes) < 5 {
		state := d.verified()
		wantSound(t, state)
		if _, _, err := d.LogProof(t.Context(), d.root, max(state.Size, 1)); err != nil {
			t.Error(err)
		}
		sizes[state.Size] = true
	}
	close(stop)
	d.must(errors.Join(<-done, <-done))
}

// AUD-3, AUD-4: a log that was written anew from the first entry on, with a tree that fits, is not signed by the log's key.
func TestLogThatIsWrittenAnewIsFound(t *testing.T) {
	d := newDesk(t)
	d.makeKey(d.alice)
	known := d.Secrets().Verifiers
	other := newDesk(t)
	other.makeKey(other.alice)
	wantSound(t, other.verified())
	state := verifiedAt(t, other.path, known)
	if len(state.Findings) != 1 || !strings.Contains(state.Findings[0], "not signed by the log's key") {
		t.Errorf("found %q", state.Findings)
	}
}
