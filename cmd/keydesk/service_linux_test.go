package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mostExposure is what systemd may give deploy/keydesk.service at most, of 10.
const mostExposure = 2.0

// unit copies deploy/keydesk.service with what is there of this machine in the place of what it names, and returns its path.
func unit(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatal("no systemd-analyze found; `make test` installs it")
	}
	text := strings.ReplaceAll(paper(t, "deploy/keydesk.service"), "/usr/local/bin/keydesk", os.Args[0])
	path := filepath.Join(t.TempDir(), "keydesk.service")
	mustWrite(t, path, text)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// systemd knows every line of the unit, those that are to be taken the # from included, and takes the service for well confined.
func TestServiceIsWellConfined(t *testing.T) {
	path := unit(t)
	mustWrite(t, path, regexp.MustCompile(`(?m)^#(LoadCredential|Environment)=`).ReplaceAllString(paperAt(t, path), "$1="))
	verify := exec.Command("systemd-analyze", "verify", "--man=no", path)
	if said, err := verify.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("%v: %s", err, said)
	}
	said := outputOf(t, ".", nil, "systemd-analyze", "security", "--offline=yes", "--no-pager", path)
	found := regexp.MustCompile(`Overall exposure level for keydesk\.service: (\d+\.\d) `).FindStringSubmatch(said)
	if found == nil {
		t.Fatalf("no score: %s", said)
	}
	if score, err := strconv.ParseFloat(found[1], 64); err != nil || score >= mostExposure {
		t.Errorf("exposure %s, want less than %v: %s", found[1], mostExposure, said)
	}
}

// The unit forbids nothing that the server does: what it asks of the system from its start to its end, while people work, is in
// the sets of calls that the unit allows; it opens no socket of a family that the unit leaves out, no memory that can be both
// written and run, and no namespace.
func TestServiceForbidsNothingThatTheServerDoes(t *testing.T) {
	allowed, families := allowedCalls(t), setting(t, "RestrictAddressFamilies")
	dir, trace := newDeskFolder(t), filepath.Join(t.TempDir(), "trace")
	straced := []string{"--follow-forks", "--quiet=all", "--output=" + trace, os.Args[0]}
	d, process := startCommand(t, dir, exec.Command("strace", append(straced, serveIn(dir)...)...))
	p := newSquad(d)
	p.works()
	p.allUsesAreKept()
	if report := d.signIn("root").get("/admin/users/export.csv"); report.status != 200 {
		t.Errorf("the report: %d", report.status)
	}
	stopTraced(t, process)
	asked := map[string]bool{}
	call, family := regexp.MustCompile(`^\d+ +([a-z0-9_]+)\(`), regexp.MustCompile(`^\d+ +socket\((AF_\w+)`)
	for line := range strings.Lines(paperAt(t, trace)) {
		if found := call.FindStringSubmatch(line); found != nil {
			asked[found[1]] = true
		}
		if found := family.FindStringSubmatch(line); found != nil && !slices.Contains(strings.Fields(families[0]), found[1]) {
			t.Errorf("a socket that the unit forbids: %s", line)
		}
		if strings.Contains(line, "PROT_WRITE|PROT_EXEC") || strings.Contains(line, "CLONE_NEW") {
			t.Errorf("the unit forbids it: %s", line)
		}
	}
	if os.Geteuid() == 0 {
		delete(asked, "fchown") // with which SQLite, if it is root, gives its files to whom the database belongs
	}
	for name := range asked {
		if !slices.Contains(allowed, name) {
			t.Errorf("the unit forbids %s", name)
		}
	}
	if len(asked) < 30 || !asked["fdatasync"] || !asked["accept4"] {
		t.Errorf("only these calls were seen: %v", asked)
	}
}

// stopTraced ends the server that strace started, as systemd would, and waits for both.
func stopTraced(t *testing.T, trace *exec.Cmd) {
	t.Helper()
	children := strings.Fields(proc(t, trace.Process.Pid, "task/"+strconv.Itoa(trace.Process.Pid)+"/children"))
	for _, child := range children {
		outputOf(t, ".", nil, "kill", "-TERM", child)
	}
	if err := trace.Wait(); err != nil || len(children) == 0 {
		t.Fatalf("%v, of %v", err, children)
	}
}

// setting returns what the unit says under a name, a value for each line.
func setting(t *testing.T, name string) []string {
	t.Helper()
	var values []string
	for line := range strings.Lines(paper(t, "deploy/keydesk.service")) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		t.Fatalf("the unit says nothing of %s", name)
	}
	return values
}

// allowedCalls returns the system calls that the unit allows: those of its sets, without those of the sets with a ~.
func allowedCalls(t *testing.T) []string {
	t.Helper()
	var allowed []string
	for _, value := range setting(t, "SystemCallFilter") {
		if set, without := strings.CutPrefix(value, "~"); without {
			forbidden := callsOf(t, set)
			allowed = slices.DeleteFunc(allowed, func(name string) bool { return slices.Contains(forbidden, name) })
		} else {
			allowed = append(allowed, callsOf(t, value)...)
		}
	}
	return allowed
}

// callsOf returns the system calls of a set, those of the sets in it included.
func callsOf(t *testing.T, set string) []string {
	t.Helper()
	var calls []string
	for line := range strings.Lines(outputOf(t, ".", nil, "systemd-analyze", "syscall-filter", set)) {
		switch name := strings.TrimSpace(line); {
		case name == "" || name == set || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(name, "@"):
			calls = append(calls, callsOf(t, name)...)
		default:
			calls = append(calls, name)
		}
	}
	return calls
}

// paperAt returns a file's text.
func paperAt(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
