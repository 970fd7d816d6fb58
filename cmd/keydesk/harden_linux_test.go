package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// proc returns a file of what the system says of a process.
func proc(t *testing.T, pid int, name string) string {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// DUR-15: a crash leaves no core dump, which would hold keys. SEC-5: the command line, which every user of the machine
// can read, holds no secret.
func TestMemoryAndSecretsStayWithTheProcess(t *testing.T) {
	dir := newDeskFolder(t)
	_, process := startProcess(t, dir)
	pid := process.Process.Pid
	if limits := proc(t, pid, "limits"); !regexp.MustCompile(`Max core file size\s+0\s+0\s`).MatchString(limits) {
		t.Error(limits)
	}
	secret, err := os.ReadFile(dir + "/keydesk.secret")
	if err != nil {
		t.Fatal(err)
	}
	digits := strings.TrimSpace(string(secret))
	if strings.Contains(proc(t, pid, "cmdline"), digits) || strings.Contains(proc(t, pid, "environ"), digits) {
		t.Error("the root secret can be read from outside")
	}
	own, err := os.Stat(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		t.Fatal(err)
	}
	if sys := fmt.Sprintf("%+v", own.Sys()); !strings.Contains(sys, "Uid:0 ") {
		t.Errorf("the environment belongs to whoever started it: %s", sys)
	}
	_ = process.Process.Kill()
	_ = process.Wait()
}

// DUR-15: whatever the umask, nobody but the owner reads a file that the program makes, or lists what is in its folders.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	for _, umask := range []string{"000", "022", "077"} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		withUmask := []string{"-c", `umask "$0" && exec "$@"`, umask, os.Args[0]}
		_, process := startCommand(t, dir, exec.Command("sh", append(withUmask, serveIn(dir)...)...))
		var names []string
		err := filepath.WalkDir(dir, func(path string, file fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := file.Info()
			if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[file.IsDir()]; err == nil && info.Mode().Perm() != want {
				t.Errorf("umask %s: %s has the mode %v", umask, path, info.Mode())
			}
			names = append(names, filepath.Base(path))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range []string{"keydesk.db", "keydesk.db-wal", "keydesk.db-shm", "keydesk.db.lock", "keydesk.secret"} {
			if !slices.Contains(names, made) {
				t.Errorf("umask %s: there is no %s: %v", umask, made, names)
			}
		}
		_ = process.Process.Kill()
		_ = process.Wait()
	}
}

// DUR-15, SEC-1: a root secret that others can read is worth a warning, and is used all the same.
func TestOpenSecretFileGivesAWarning(t *testing.T) {
	dir := newDeskFolder(t)
	if err := os.Chmod(dir+"/keydesk.secret", 0o644); err != nil {
		t.Fatal(err)
	}
	d := startDesk(t, dir)
	if d.stop(); !strings.Contains(d.log.String(), "chmod 600") {
		t.Error(d.log.String())
	}
}

// SEC-5: no output at any level holds the root secret or the password.
func TestSecretsAreInNoOutput(t *testing.T) {
	digits := access.NewRootSecret()
	t.Setenv("KEYDESK_SECRET", digits)
	d := newDesk(t, "--log-level=debug")
	d.signIn("alice").newKey()
	d.stop()
	said := d.out.String() + d.log.String()
	for _, secret := range []string{digits, digits[:16], password} {
		if strings.Contains(said, secret) {
			t.Errorf("the output holds %q", secret)
		}
	}
}
