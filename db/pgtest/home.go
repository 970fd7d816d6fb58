package pgtest

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
)

// home is where the servers of this process live.
type home struct {
	programs string         // folder of PostgreSQL's programs
	owner    *owner         // whom they run as; nil: who runs the tests
	dir      string         // holds a folder for each server
	process  io.WriteCloser // open for as long as this process lives, or until Tests have run
	guarding *exec.Cmd
}

// place returns the one home of this process. It and the servers in it are there until Tests have run, or
// the process ends.
var place = sync.OnceValues(func() (*home, error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	who, err := findOwner()
	if err != nil {
		return nil, err
	}
	h := &home{programs: programs, owner: who}
	if h.dir, err = h.newFolder(tempDir()); err != nil {
		return nil, err
	}
	return h, h.guard()
})

// newFolder makes a folder that belongs to the owner of the servers.
func (h *home) newFolder(parent string) (string, error) {
	dir, err := os.MkdirTemp(parent, "keydesk-postgres-")
	if err == nil && h.owner != nil {
		err = os.Chown(dir, int(h.owner.uid), int(h.owner.gid))
	}
	return dir, err
}

// guarding reads until whoever writes has ended, and then stops the servers and removes their folders. A terminal's
// signals, which all get that run in it, must not end it before.
const guarding = `
	trap '' HUP INT QUIT TERM
	cat
	for data in "$2"/*/data; do
		"$1/pg_ctl" stop --silent --mode=immediate --pgdata="$data"
	done
	cd / && rm -rf "$2"`

// guard sees to it that nothing is left of the servers when this process has ended, however it ends.
func (h *home) guard() error {
	c := h.owned(exec.CommandContext(context.Background(), "sh", "-c", guarding, "guard", h.programs, h.dir)) //nolint:gosec // our own folders
	var err error
	if h.process, err = c.StdinPipe(); err != nil {
		return err
	}
	h.guarding = c
	if err := c.Start(); err != nil {
		return err
	}
	guarded = h
	return nil
}

// guarded is the home of this process, if it has one.
var guarded *home

// leave stops the servers and removes their folders, and returns when they are gone.
func (h *home) leave() error { return errors.Join(h.process.Close(), h.guarding.Wait()) }
