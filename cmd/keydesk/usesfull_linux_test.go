package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// smallDisk returns a folder on a disk of its own, so small that a test can fill it. Only root can mount one: for others
// TestUsesThatCannotBeWrittenAreCaughtUpWith has to do.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m")
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "" {
		t.Skip("only root may mount a disk")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var err error
		eventually(t, func() bool { // a program that another test is just starting holds files of this process for a moment
			err = syscall.Unmount(dir, 0)
			return !errors.Is(err, syscall.EBUSY)
		})
		if err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes to the folder until its disk is full, and returns what empties it again.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	for size := 1 << 20; size >= 512; size /= 2 {
		for {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Write(make([]byte, size))
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if errors.Is(err, syscall.ENOSPC) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// DUR-3, VER-9: a full disk fails no verify. What was used meanwhile is written once there is room.
func TestFullDiskFailsNoVerify(t *testing.T) {
	t.Parallel()
	d := startDesk(t, moved(t, newDeskFolder(t), smallDisk(t)), "--verify-addr=127.0.0.1:0")
	alice := d.signIn("alice")
	secret, id := alice.newKey()
	ended, _ := alice.newKey()
	empty := fill(t, d.dir)
	verifies := 0
	eventually(t, func() bool {
		verifies++
		if got := d.verify(secret); got.status != http.StatusOK {
			t.Fatalf("verify: %d %s", got.status, got.body)
		}
		return d.metric("keydesk_uses_flush_failures_total") != "0"
	})
	if got := alice.post("/profile/keys", nil); got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "kd_") {
		t.Errorf("a key that cannot be kept: %d %s", got.status, got.body)
	}
	if got := d.verify(ended); got.status != http.StatusOK {
		t.Errorf("verify of another key: %d %s", got.status, got.body)
	}
	empty()
	eventually(t, func() bool { return strings.Contains(d.log.String(), "can again write uses of keys down") })
	alice.newKey()
	eventually(t, func() bool { return d.accepted(id) == verifies })
	if n := strings.Count(d.log.String(), "cannot write uses of keys down"); n != 1 {
		t.Errorf("told %d times: %s", n, d.log.String())
	}
	if code := d.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// moved copies the files of a folder into another one, and returns that.
func moved(t *testing.T, from, to string) string {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(fmt.Errorf("copy the desk: %w", err))
	}
	if err := os.Chmod(filepath.Join(to, "keydesk.secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
