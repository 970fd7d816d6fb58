package main

import (
	"bytes"
	"crypto/sha256"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/db/provetest"
)

// SUP-2: `make release` makes the same program, to the byte, in whatever folder and environment; and nothing in it tells of the
// machine that made it. The long form compiles everything a second time, the short one what is in the folders alone.
func TestBuildIsReproducible(t *testing.T) {
	caches := strings.Fields(outputOf(t, ".", nil, "go", "env", "GOCACHE", "GOMODCACHE", "GOROOT"))
	same := []string{"GOCACHE=" + caches[0], "GOMODCACHE=" + caches[1]}
	other := []string{"GOMODCACHE=" + caches[1], "TZ=Pacific/Auckland", "LANG=de_DE.UTF-8", "USER=nobody", "HOME=" + t.TempDir(),
		"GOFLAGS=-buildvcs=false", "GOAMD64=v3", "GOARM64=v8.1", "CGO_ENABLED=1", "GOCACHE=" + caches[0]}
	if provetest.Asked() {
		other[len(other)-1] = "GOCACHE=" + t.TempDir()
	}
	here, there := filepath.Join(t.TempDir(), "here"), filepath.Join(t.TempDir(), "some", "other place")
	first, second := release(t, here, same), release(t, there, other)
	if sha256.Sum256(first) != sha256.Sum256(second) {
		t.Errorf("two builds of one commit differ: %x and %x", sha256.Sum256(first), sha256.Sum256(second))
	}
	if !bytes.Contains(first, []byte("vcs.revision=")) {
		t.Error("it does not say which commit it was made of")
	}
	for _, path := range append(caches, here, there, os.TempDir()+"/Test") {
		if bytes.Contains(first, []byte(path)) || bytes.Contains(second, []byte(path)) {
			t.Errorf("a path of the machine is in it: %s", path)
		}
	}
}

// release returns the program that `make release` makes of a clone of the tree in dir.
func release(t *testing.T, dir string, env []string) []byte {
	t.Helper()
	copyTree(t, dir)
	env = append(env, "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z")
	git := []string{"-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "core.hooksPath=/dev/null"}
	outputOf(t, dir, env, "git", "init", "--quiet")
	outputOf(t, dir, env, "git", "add", "--all")
	outputOf(t, dir, env, "git", append(git, "commit", "--quiet", "--message=all", "--no-gpg-sign")...)
	outputOf(t, dir, env, "make", "release")
	program, err := os.ReadFile(filepath.Join(dir, "bin", "release", "keydesk"))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// copyTree copies the files that a clone would have, and those that are not committed yet.
func copyTree(t *testing.T, to string) {
	t.Helper()
	from := filepath.Join("..", "..")
	err := filepath.WalkDir(from, func(path string, file fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case slices.Contains([]string{".git", "bin", "node_modules", "screenshots"}, name) && file.IsDir():
			return fs.SkipDir
		case file.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !file.Type().IsRegular() || name == ".git":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outputOf runs a command in dir to its end, and returns what it says.
func outputOf(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	said, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, said, complaint.String())
	}
	return string(said)
}
