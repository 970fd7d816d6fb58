package db_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// DUR-6: who began to read while the file system could only be read looks at the database alone, and not at its log. So
// nothing is written before they are done.
func TestNothingIsWrittenUnderWhoReadsAsIfNobodyWrote(t *testing.T) {
	dir := t.TempDir()
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=16m"); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root may mount a disk")
	}
	remount(0)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	d := peopled(deskAt(t, filepath.Join(dir, "keydesk.db")))
	key, _ := d.makeKey(d.alice)
	d.close()
	remount(syscall.MS_REMOUNT | syscall.MS_RDONLY)
	d.open()
	reading, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- d.AllKeys(t.Context(), func(int) {}, func(access.KeyChange) { close(reading); <-goOn })
	}()
	select {
	case <-reading:
	case err := <-done:
		t.Fatalf("the reading ended: %v", err)
	}
	_, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI")
	if !errors.Is(err, access.ErrUnsaved) {
		t.Errorf("on a file system that can only be read: %v", err)
	}
	remount(syscall.MS_REMOUNT)
	if _, err := d.RenameKey(t.Context(), d.alice, key.ID, "CI"); !errors.Is(err, access.ErrUnsaved) {
		t.Errorf("while somebody reads as if nobody wrote: %v", err)
	}
	close(goOn)
	d.must(<-done)
	_, err = d.RenameKey(t.Context(), d.alice, key.ID, "CI")
	d.must(err)
	if named, err := d.OwnKey(t.Context(), d.alice, key.ID); err != nil || named.Name != "CI" {
		t.Errorf("afterwards the key is named %q: %v", named.Name, err)
	}
	d.close()
}
