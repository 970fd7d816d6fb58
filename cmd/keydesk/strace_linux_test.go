package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// DUR-4, DUR-3: what SQLite makes of the errors of the system itself is what TestProveDiskErrors tries step by step. After
// an error of the disk the desk verifies and writes no more until it is started again; after a full one it goes on by itself.
func TestErrorsOfTheSystemAreAnsweredAsTheyAre(t *testing.T) {
	const unsure, absent = "Whether anything was changed is not known", "Nothing was changed."
	for _, row := range []struct {
		calls, as, told string
		goesOn          bool
	}{
		{"fdatasync,fsync", "EIO", unsure, false},
		{"fdatasync,fsync", "ENOSPC", unsure, false},
		{"pwrite64", "EIO", unsure, false},
		{"pwrite64", "ENOSPC", absent, true},
	} {
		t.Run(row.calls+" "+row.as, func(t *testing.T) {
			d, process := startProcess(t, newDeskFolder(t))
			p := newSquad(d)
			p.works()
			p.allUsesAreKept() // or it could be these that find the disk broken
			mend := failCalls(t, process, row.calls, row.as)
			got := p.alice.post("/profile/keys", nil)
			if !strings.Contains(got.body, row.told) || secretPattern.MatchString(got.body) {
				t.Errorf("a key is answered with %d %.300s", got.status, got.body)
			}
			p.onlyReads()
			mend()
			if ready := d.visitor().get("/readyz").status; (ready == http.StatusOK) != row.goesOn {
				t.Errorf("/readyz answers %d", ready)
			}
			if told := strings.Count(d.log.String(), "nothing is written any more"); (told == 0) != row.goesOn || told > 1 {
				t.Errorf("told %d times: %s", told, d.log)
			}
			if !row.goesOn {
				p.onlyReads()
				_ = process.Process.Kill()
				_ = process.Wait()
				d, process = startProcess(t, d.dir)
				p.moveTo(d)
				p.state = 0 // the first of the changes may have been made
			}
			p.works()
			_ = process.Process.Kill()
			_ = process.Wait()
		})
	}
}

// failCalls has these calls of the system fail for a process, until it is mended. Only root can.
func failCalls(t *testing.T, process *exec.Cmd, calls, as string) (mend func()) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root may look into a process that keeps its memory to itself")
	}
	trace := exec.Command("strace", "--follow-forks", "--output=/dev/null", "--trace="+calls,
		"--inject="+calls+":error="+as, fmt.Sprintf("--attach=%d", process.Process.Pid))
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
	if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.Contains(line, "attached") {
		t.Fatalf("%v: %s", err, line)
	}
	return mend
}
