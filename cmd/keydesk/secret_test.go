//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SEC-1: a root secret that another user can change at any time is refused. Root's, and the own, is taken.
func TestSecretFileOfAnotherUserIsRefused(t *testing.T) {
	const nobody, stranger = 65534, 12345
	file := filepath.Join(t.TempDir(), "keydesk.secret")
	mustWrite(t, file, "abcd")
	owner := os.Geteuid()
	if owner == 0 {
		if _, err := readSecretFile(file, stranger); err != nil {
			t.Errorf("a secret of root: %v", err)
		}
		owner = nobody
		if err := os.Chown(file, owner, -1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := readSecretFile(file, stranger); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("a secret of uid %d is taken by uid %d: %v", owner, stranger, err)
	}
	for _, us := range []int{owner, 0} {
		if content, err := readSecretFile(file, us); err != nil || string(content) != "abcd" {
			t.Errorf("a secret of uid %d is not taken by uid %d: %q, %v", owner, us, content, err)
		}
	}
}

// SEC-2: what root's rotation makes belongs to whom the secret belongs, who has to read it.
func TestRotationByRootLeavesTheSecretToItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	const service = 12345
	file := made(t)
	if err := os.Chown(secretOf(file), service, -1); err != nil {
		t.Fatal(err)
	}
	rotated(t, file, "rotate", "root")
	for _, name := range []string{"", ".previous", ".lock"} {
		info, err := os.Stat(secretOf(file) + name)
		if err != nil {
			t.Fatal(err)
		}
		if uid, _ := ownerOf(info); uid != service || info.Mode().Perm() != 0o600 {
			t.Errorf("keydesk.secret%s belongs to %d, with the mode %s", name, uid, info.Mode())
		}
	}
}
