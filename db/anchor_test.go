package db_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// DUR-10, AUD-5: every change is in the anchor when it is answered, what was there before it too, and nobody else can read it.
func TestAnchorHoldsEachChangeThatWasAnswered(t *testing.T) {
	d := newAnchoredDesk(t)
	d.anchorHolds()
	key, _ := d.makeKey(d.alice)
	d.anchorHolds()
	d.deactivate(d.alice, key.ID)
	d.anchorHolds()
	size := len(d.anchorText())
	d.deactivate(d.alice, key.ID) // which changes nothing
	if got := len(d.anchorText()); got != size {
		t.Errorf("%d bytes, then %d", size, got)
	}
	info, err := os.Stat(d.file)
	d.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	d.start()
	d.anchorHolds()
}

// DUR-10: who waits for the anchor at the same time shares what is written, and nothing is written twice.
func TestAnchorTakesChangesOfManyAtOnce(t *testing.T) {
	d := newAnchoredDesk(t)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 20 {
				f := d.fingerprint()
				key, err := d.CreateKey(t.Context(), d.alice, f, "")
				if err == nil {
					_, err = d.DeactivateOwnKey(t.Context(), d.alice, key.ID)
				}
				if err != nil {
					t.Error(err)
				}
				if !strings.Contains(d.anchorText(), `"action":"deactivate own key","user_id":"alice","key_id":"`+key.ID) {
					t.Errorf("the deactivation of %s was answered, but the anchor does not hold it", key.ID)
				}
			}
		})
	}
	writers.Wait()
	d.anchorHolds()
}

// DUR-1: what was committed when the program was stopped, and not anchored, is appended at the start. A line that was being
// appended is cut off.
func TestMissingLinesAreAppendedAtTheStart(t *testing.T) {
	d := newAnchoredDesk(t)
	d.makeKey(d.alice)
	short := d.anchorText()
	key, _ := d.makeKey(d.alice)
	d.deactivate(d.alice, key.ID)
	whole := d.anchorText()
	for name, text := range map[string]string{
		"two lines fewer":   short,
		"a torn line":       whole[:len(short)+100],
		"no end of line":    whole[:len(whole)-1],
		"zeros of the disk": short + strings.Repeat("\x00", 5000),
		"no entries":        whole[:strings.Index(whole, "\n")+1],
		"no checkpoint":     short + strings.SplitAfter(whole[len(short):], `]}`)[0] + "}\n",
	} {
		d.close()
		d.must(os.WriteFile(d.file, []byte(text), 0o644))
		d.start()
		if len(d.notices) > 0 {
			t.Errorf("%s: %q", name, d.notices)
		}
		d.anchorHolds()
		if info, err := os.Stat(d.file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
}

// DUR-10: of a long anchor only the end is read, unless something is wrong, which is found all the same.
func TestLongAnchorIsComparedByItsEnd(t *testing.T) {
	d := newAnchoredDesk(t)
	long := strings.Repeat("A long reason. ", 1<<16)
	for range 10 {
		key, _ := d.makeKey(d.alice)
		if _, err := d.DeactivateKey(t.Context(), d.root, key.ID, long); err != nil {
			t.Fatal(err)
		}
	}
	key, hash := d.makeKey(d.alice)
	backup := d.backup()
	whole := d.anchorText()
	if len(whole) < 17<<20 {
		t.Fatalf("%d bytes are not long", len(whole))
	}
	d.start()
	d.anchorHolds()
	d.close()
	lines := strings.SplitAfter(whole, "\n")
	d.must(os.WriteFile(d.file, []byte(strings.Join(lines[:len(lines)-3], "")), 0o600))
	d.start()
	d.anchorHolds()
	for range 2 {
		d.makeKey(d.alice)
	}
	d.deactivate(d.alice, key.ID)
	d.close()
	d.path = backup
	d.open()
	for range 4 { // so that it is longer than its anchor
		d.makeKey(d.bob)
	}
	d.accept = d.loses("4 others were made instead")
	d.start()
	if d.verdict(hash) != access.Deactivated {
		t.Error("a key came back")
	}
	d.sound()
	d.anchorHolds()
}
