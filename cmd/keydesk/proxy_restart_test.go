package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// service starts the program as a service manager does, on the database in dir, and waits until it is ready.
func (f *front) service(dir string, number int) *exec.Cmd {
	f.t.Helper()
	args := append([]string{"serve", "--log-level=error", "--database=" + filepath.Join(dir, "keydesk.db")}, f.flags(number)...)
	p := exec.Command(os.Args[0], args...)
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = p.Process.Kill() })
	eventually(f.t, func() bool {
		answer, err := http.Get("http://" + f.desks[number] + "/readyz")
		if err != nil {
			return false
		}
		_, err = readAll(answer)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	return p
}

// terminate ends the program as a service manager does.
func terminate(t *testing.T, p *exec.Cmd) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

// asker asks again and again whether a key is good, at a steady rate, and counts what was no yes.
type asker struct {
	asked  int
	failed []string
}

// ask asks until told to stop, or most times.
func (a *asker) ask(v *visitor, method, secret string, most int, stop <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; a.asked < most; a.asked++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		r, err := http.NewRequest(method, v.desk.url+"/api/v1/verify", http.NoBody)
		if err != nil {
			a.failed = append(a.failed, err.Error())
			continue
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		answer, err := v.Do(r)
		if err != nil {
			a.failed = append(a.failed, err.Error())
			continue
		}
		text, err := readAll(answer)
		if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("X-Keydesk-User") != "alice" {
			a.failed = append(a.failed, fmt.Sprint(answer.StatusCode, text, err))
		}
	}
}

// DOS-6: two desks behind a proxy are restarted in turn, and no verify fails. Each has a copy of the one database.
func TestRestartInTurnFailsNoVerify(t *testing.T) {
	const restarts, most = 6, 20_000
	f := newFront(t, exampleHost, 2)
	d := newDesk(t)
	secret, _ := d.signIn("alice").newKey()
	if code := d.stop(); code != 0 {
		t.Fatal(code)
	}
	dirs := []string{d.dir, t.TempDir()}
	if err := os.CopyFS(dirs[1], os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	f.start((*front).nginx)
	running := []*exec.Cmd{f.service(dirs[0], 0), f.service(dirs[1], 1)}
	stop := make(chan struct{})
	askers := map[string]*asker{http.MethodGet: {}, http.MethodPost: {}}
	var asking sync.WaitGroup
	for method, a := range askers {
		v := f.visitor("127.0.0.1")
		asking.Go(func() { a.ask(v, method, secret, most, stop) })
	}
	v := f.visitor("127.0.0.1")
	for i := range restarts {
		terminate(t, running[i%2])
		if got := v.verify(secret); got.status != http.StatusOK { // of the other desk, for this one is gone
			t.Errorf("with one desk: %d %s", got.status, got.body)
		}
		running[i%2] = f.service(dirs[i%2], i%2)
	}
	close(stop)
	asking.Wait()
	for method, a := range askers {
		if len(a.failed) > 0 || a.asked < restarts || a.asked == most {
			t.Errorf("%s: %d of %d failed: %q", method, len(a.failed), a.asked, a.failed)
		}
	}
	for _, p := range running {
		terminate(t, p)
	}
}
