package main

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// asProgram makes the test binary behave as the program, so that a test can kill it.
const asProgram = "KEYDESK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// startProcess starts the program as a process of its own on the database in dir.
func startProcess(t *testing.T, dir string) (*desk, *exec.Cmd) {
	t.Helper()
	p := exec.Command(os.Args[0], "serve", "--addr=127.0.0.1:0", "--database="+filepath.Join(dir, "keydesk.db"), "--log-level=error")
	p.Env = append(os.Environ(), asProgram+"=1")
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &desk{t: t, dir: dir, url: readyPattern.FindStringSubmatch(line)[1]}, p
}

// DUR-1: a key or a deactivation that was answered survives a kill at any instant, and one that was not answered is
// whole or absent: each has its entry in the audit log.
func TestKillLosesNothingThatWasAnswered(t *testing.T) {
	dir := newDeskFolder(t)
	good, ended := map[string]bool{}, map[string]bool{}
	for round := range 12 {
		d, process := startProcess(t, dir)
		var mu sync.Mutex
		var writers sync.WaitGroup
		for _, user := range []string{"alice", "bob"} {
			v := d.signIn(user)
			writers.Go(func() {
				for v.writeAndNote(&mu, good, ended) {
				}
			})
		}
		// A different instant each time; what is under way then is anything.
		time.AfterFunc(time.Duration(20+13*round)*time.Millisecond, func() { _ = process.Process.Kill() })
		writers.Wait()
		_ = process.Wait()
	}
	d, process := startProcess(t, dir)
	for secret := range good {
		if got := d.verify(secret); got.status != http.StatusOK && !ended[secret] {
			t.Errorf("a key that was answered is lost: %d %s", got.status, got.body)
		}
	}
	for secret := range ended {
		if got := d.verify(secret); got.status != http.StatusUnauthorized || !strings.Contains(got.body, `"deactivated"`) {
			t.Errorf("a deactivation that was answered is lost: %d %s", got.status, got.body)
		}
	}
	for change, made := range map[string]string{
		`SELECT count(*) FROM audit WHERE action = 'create key'`:         `SELECT count(*) FROM keys`,
		`SELECT count(*) FROM audit WHERE action = 'deactivate own key'`: `SELECT count(*) FROM keys WHERE deactivated_at IS NOT NULL`,
	} {
		if entries, rows := d.count(change), d.count(made); entries != rows {
			t.Errorf("%d by %s, but %d by %s", entries, change, rows, made)
		}
	}
	if len(good) < 50 || len(ended) < 20 {
		t.Errorf("only %d keys and %d deactivations were answered: this shows little", len(good), len(ended))
	}
	if err := process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := process.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// newDeskFolder returns a folder with a database of alice, bob and root.
func newDeskFolder(t *testing.T) string {
	t.Helper()
	d := newDesk(t)
	if code := d.stop(); code != 0 {
		t.Fatal(code)
	}
	return d.dir
}

// writeAndNote makes a key, deactivates every other one, and notes what was answered; it is false once the server has
// gone.
func (v *visitor) writeAndNote(mu *sync.Mutex, good, ended map[string]bool) bool {
	made, err := v.PostForm(v.desk.url+"/profile/keys", url.Values{})
	if err != nil {
		return false
	}
	text, err := readAll(made)
	if err != nil || made.StatusCode != http.StatusOK {
		return false
	}
	secret := secretPattern.FindString(text)
	mu.Lock()
	good[secret] = true
	retire := len(good)%2 == 0
	mu.Unlock()
	if !retire {
		return true
	}
	id := keyPath.FindStringSubmatch(text)[1]
	answer, err := v.PostForm(v.desk.url+"/profile/keys/"+id+"/deactivate", url.Values{})
	if err != nil {
		mu.Lock()
		delete(good, secret) // unanswered: either is right
		mu.Unlock()
		return false
	}
	_, _ = readAll(answer)
	mu.Lock()
	defer mu.Unlock()
	if answer.StatusCode == http.StatusSeeOther {
		ended[secret] = true
	}
	return true
}
