package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// DUR-6: when the system no longer lets the database be written, verify goes on, changes are refused, and all works again
// without a restart once it does. Linux mounts nothing as read only while it is written, so the files are locked instead.
func TestDatabaseThatCanOnlyBeReadFailsNoVerify(t *testing.T) {
	disk := newLoopDisk(t, "48M")
	disk.take(newDeskFolder(t))
	d := startDesk(t, disk.dir)
	p := newSquad(d)
	p.works()
	for range 3 {
		files := []string{filepath.Join(disk.dir, "keydesk.db"), filepath.Join(disk.dir, "keydesk.db-wal")}
		disk.run("chattr", append([]string{"+i"}, files...)...)
		p.onlyReads()
		disk.run("chattr", append([]string{"-i"}, files...)...)
		p.works()
	}
	p.allUsesAreKept()
	if strings.Contains(d.log.String(), "nothing is written any more") {
		t.Error(d.log)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// DUR-6: started on a read-only file system, after an orderly end or a kill, the desk verifies, and it works without a
// restart once the file system can be written.
func TestDeskStartedOnAReadOnlyFileSystem(t *testing.T) {
	for _, end := range []string{"orderly", "killed"} {
		t.Run(end, func(t *testing.T) {
			disk := newLoopDisk(t, "48M")
			disk.take(newDeskFolder(t))
			before, process := startProcess(t, disk.dir)
			p := newSquad(before)
			p.works()
			signal := os.Kill
			if end == "orderly" {
				signal = os.Interrupt
			}
			if err := process.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = process.Wait()
			disk.run("mount", "-o", "remount,ro", disk.dir)
			d := startDesk(t, disk.dir)
			p.moveTo(d)
			p.onlyReads()
			disk.run("mount", "-o", "remount,rw", disk.dir)
			p.works()
			p.allUsesAreKept()
			if code := d.stop(); code != 0 {
				t.Errorf("ended with %d: %s", code, d.log)
			}
		})
	}
}

// DUR-6, DUR-4: a file system that gives up because of an error verifies on; what was answered before is there after it
// was mounted again.
func TestFileSystemThatGivesUpFailsNoVerify(t *testing.T) {
	disk := newLoopDisk(t, "48M")
	disk.take(newDeskFolder(t))
	d, process := startProcess(t, disk.dir)
	p := newSquad(d)
	p.works()
	disk.run("mount", "-o", "remount,abort", disk.dir)
	p.verifies()
	if got := p.alice.post("/profile/keys", nil); got.status < http.StatusInternalServerError || secretPattern.MatchString(got.body) {
		t.Errorf("a key that cannot be kept: %d %s", got.status, got.body)
	}
	p.onlyReads()
	_ = process.Process.Kill()
	_ = process.Wait()
	disk.unmount()
	disk.mount()
	d, process = startProcess(t, disk.dir)
	p.moveTo(d)
	p.verifies()
	p.state = 0 // the first of the changes may have been made
	p.works()
	_ = process.Process.Kill()
	_ = process.Wait()
}
