package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
)

// oldest is the first version of PostgreSQL that has all that is asked of it here.
const oldest = 15

// findPrograms returns the folder of the newest PostgreSQL that Debian's packages brought, or else of the one in PATH.
func findPrograms() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	newest, programs := oldest-1, ""
	for _, path := range found {
		dir := filepath.Dir(path)
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && version > newest {
			newest, programs = version, dir
		}
	}
	if programs != "" {
		return programs, nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", fmt.Errorf("PostgreSQL %d or later is not installed: run make postgres (on Debian: apt-get install postgresql)", oldest)
	}
	return filepath.Dir(path), nil
}

// owner is the user that servers run as.
type owner struct{ uid, gid uint32 }

// findOwner returns postgres if root runs the tests, as PostgreSQL refuses to run as root, and else nil.
func findOwner() (*owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // nobody but who runs the tests
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("whom to run PostgreSQL as: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &owner{uid: uint32(uid), gid: uint32(gid)}, errors.Join(err, err2)
}

// program prepares one of PostgreSQL's programs.
func (h *home) program(name string, args ...string) *exec.Cmd {
	path := filepath.Join(h.programs, name)
	return h.owned(exec.CommandContext(context.Background(), path, args...)) //nolint:gosec // our own programs
}

// owned has a program run as the owner of the servers, in a folder that they can read.
func (h *home) owned(c *exec.Cmd) *exec.Cmd {
	c.Dir = h.dir
	if h.owner != nil {
		runAs(c, h.owner)
	}
	return c
}

// run runs one of PostgreSQL's programs to its end.
func (h *home) run(name string, args ...string) error {
	if said, err := h.program(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}
