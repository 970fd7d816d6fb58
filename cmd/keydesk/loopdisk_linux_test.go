package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// loopDisk is an ext4 file system of its own on a file, whose power can be cut.
type loopDisk struct {
	t          *testing.T
	image, dir string // the folder is where it is mounted
}

// newLoopDisk makes and mounts a disk for the length of the test. Only root can: under CI, where nothing is left out,
// anybody else fails.
func newLoopDisk(t *testing.T, size string) *loopDisk {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root may mount a disk")
	}
	root := t.TempDir()
	k := &loopDisk{t, filepath.Join(root, "image"), filepath.Join(root, "disk")}
	if err := os.Mkdir(k.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k.run("truncate", "--size="+size, k.image)
	k.run("mkfs.ext4", "-q", "-F", "-b", "4096", k.image)
	k.mount()
	t.Cleanup(k.unmount)
	return k
}

// run runs a command and returns what it prints.
func (k *loopDisk) run(name string, args ...string) string {
	k.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if path, err := exec.LookPath(filepath.Join("/usr/sbin", name)); err == nil { // not in every PATH
		cmd.Path, cmd.Err = path, nil
	}
	said, err := cmd.CombinedOutput()
	if err != nil {
		k.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, said)
	}
	return string(said)
}

func (k *loopDisk) mount() {
	k.t.Helper()
	k.run("mount", "-o", "loop,noatime", k.image, k.dir)
}

// unmount waits until whoever was killed has left the disk.
func (k *loopDisk) unmount() {
	k.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := unix.Unmount(k.dir, 0)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(deadline) {
			k.t.Fatalf("unmount: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// take copies a desk onto the disk, for good.
func (k *loopDisk) take(dir string) {
	k.t.Helper()
	moved(k.t, dir, k.dir)
	k.run("sync", "--file-system", k.dir)
}

// EXT4_IOC_SHUTDOWN and EXT4_GOING_FLAGS_NOLOGFLUSH of Linux's fs/ext4/ext4.h.
const (
	shutDown = 0x8004587d
	atOnce   = 2
)

// cut cuts the power while the process is stopped: nothing that it or the system had still in memory reaches the disk.
// Then the disk is there again, as after a start of the machine.
func (k *loopDisk) cut(process *exec.Cmd) {
	k.t.Helper()
	k.stop(process)
	folder, err := os.Open(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := errors.Join(unix.IoctlSetPointerInt(int(folder.Fd()), shutDown, atOnce), folder.Close()); err != nil {
		k.t.Fatalf("cut the power: %v", err)
	}
	_ = process.Process.Kill()
	_ = process.Wait()
	k.unmount()
	if k.run("losetup", "--associated", k.image) != "" {
		// Whoever had a look at the machine's mounts of their own at that time holds on to the disk that is without power.
		next := k.image + "'"
		k.run("cp", "--sparse=always", k.image, next)
		k.image = next
	}
	k.mount()
}

// stop returns once no part of the process runs any more.
func (k *loopDisk) stop(process *exec.Cmd) {
	k.t.Helper()
	if err := process.Process.Signal(unix.SIGSTOP); err != nil {
		k.t.Fatal(err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(process.Process.Pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
		k.t.Fatalf("the process is not stopped: %v, %v", status, err)
	}
}
