package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// injectInto has calls of the system on one file go wrong for a process, until it is mended. Only root can.
func injectInto(t *testing.T, process *exec.Cmd, file, calls, what string) (mend func()) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root may look into a process that keeps its memory to itself")
	}
	trace := exec.Command("strace", "--follow-forks", "--output=/dev/null", "--trace="+calls, "--trace-path="+file,
		"--inject="+calls+":"+what, fmt.Sprintf("--attach=%d", process.Process.Pid))
	said, err := trace.StderrPipe()
	if err == nil {
		err = trace.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	mend = func() {
		_ = trace.Process.Signal(os.Interrupt) // which lets go of the process
		_ = trace.Wait()
	}
	t.Cleanup(mend)
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.Contains(lines.Text(), "attached") {
			go func() { // or it would wait for somebody to read
				for lines.Scan() {
				}
			}()
			return mend
		}
	}
	t.Fatal("strace did not attach")
	return nil
}

// DUR-1, DUR-10: a kill between the commit of a deactivation and the anchor's write, or before that is on the disk: what was
// committed is anchored at the next start, and holds on a database that is set back.
func TestKillBetweenCommitAndAnchorLosesNothing(t *testing.T) {
	for _, calls := range []string{"write", "fdatasync"} {
		t.Run(calls, func(t *testing.T) {
			dir := newDeskFolder(t)
			d, process := startProcess(t, dir)
			v := d.signIn("alice")
			secret, id := v.newKey()
			backup := d.backup()
			anchor := filepath.Join(dir, "keydesk.anchor")
			injectInto(t, process, anchor, calls, "signal=KILL")
			answer, err := v.PostForm(d.url+"/profile/keys/"+id+"/deactivate", nil)
			if err == nil {
				t.Errorf("it was answered with %d: %v", answer.StatusCode, answer.Body.Close())
			}
			_ = process.Wait()
			d, process = startProcess(t, dir)
			if got := d.verify(secret); got.status != http.StatusUnauthorized {
				t.Fatalf("it was not committed: %d", got.status)
			}
			_ = process.Process.Kill()
			_ = process.Wait()
			again := startDesk(t, d.restored(backup, "keydesk.anchor"))
			if got := again.verify(secret); got.status != http.StatusUnauthorized {
				t.Errorf("the key came back: %d", got.status)
			}
		})
	}
}

// DUR-3, DUR-4: a disk that is full, or fails, under the anchor alone: nobody is shown a key, nobody is told that one is
// deactivated, keys are verified all the while, and it goes on without a restart.
func TestAnchorThatCannotBeWrittenStopsChangesOnly(t *testing.T) {
	for _, row := range []struct{ calls, as string }{{"write", "ENOSPC"}, {"write", "EIO"}, {"fdatasync", "EIO"}} {
		t.Run(row.calls+" "+row.as, func(t *testing.T) {
			d, process := startProcess(t, newDeskFolder(t))
			v := d.signIn("alice")
			secret, id := v.newKey()
			mend := injectInto(t, process, filepath.Join(d.dir, "keydesk.anchor"), row.calls, "error="+row.as)
			for i, want := range []string{"Whether anything was changed is not known", "Nothing was changed.", "Nothing was changed."} {
				got := v.post("/profile/keys", nil)
				if !strings.Contains(got.body, want) || secretPattern.MatchString(got.body) {
					t.Errorf("key %d is answered with %d %.300s", i, got.status, got.body)
				}
				if got := d.verify(secret); got.status != http.StatusOK {
					t.Errorf("verify answers %d", got.status)
				}
			}
			mend()
			if got := v.post("/profile/keys/"+id+"/deactivate", nil); got.status != http.StatusSeeOther {
				t.Errorf("once mended: %d %s", got.status, got.body)
			}
			if keys, lines := d.count(`SELECT count(*) FROM audit`), d.anchored(); keys != lines {
				t.Errorf("%d changes, but the anchor has %d", keys, lines)
			}
			_ = process.Process.Kill()
			_ = process.Wait()
		})
	}
}

// anchored returns how many changes the anchor holds.
func (d *desk) anchored() int {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "keydesk.anchor"))
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Count(string(text), `{"entry":`)
}

// DUR-5, DUR-8: a restore that is killed leaves no database, and the next one is as if it had not been.
func TestRestoreThatIsKilledIsBegunAnew(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.signIn("alice").newKey()
	backup := d.backup()
	dir := d.dir
	d.stop()
	database := filepath.Join(dir, "keydesk.db")
	if err := os.Rename(database, database+".old"); err != nil {
		t.Fatal(err)
	}
	for _, calls := range []string{"write", "pwrite64", "fsync", "renameat2"} {
		trace := exec.Command("strace", "--follow-forks", "--output=/dev/null", "--trace="+calls, "--trace-path="+database+".partial",
			"--inject="+calls+":signal=KILL", os.Args[0], "restore", backup, "--database="+database)
		if calls == "write" {
			trace.Args[3], trace.Args[5] = "--trace=write,copy_file_range,sendfile", "--inject=write,copy_file_range,sendfile:signal=KILL"
		}
		trace.Env = append(os.Environ(), asProgram+"=1")
		if out, err := trace.CombinedOutput(); err == nil {
			t.Errorf("%s: it was not killed: %s", calls, out)
		}
		if !missing(database) {
			t.Fatalf("%s: a database was made", calls)
		}
	}
	if code, _, complaint := command(t, "", "restore", backup, "--database="+database); code != 0 {
		t.Fatal(complaint)
	}
	again := startDesk(t, dir)
	if got := again.verify(secret); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !missing(database + ".partial") {
		t.Error("something is left")
	}
}
