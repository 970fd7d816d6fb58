//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// instance is the program, a process of its own that keeps its addresses when it is started again.
type instance struct {
	c        *cluster
	name     string
	database string // its URL, or the file
	pages    string // address of the desk
	verify   string // address of verify
	flags    []string
	link     link
	process  *exec.Cmd
	said     *buffer
	ended    chan struct{}
}

// start starts so many instances, each behind a link that can be cut, and waits until they are ready.
func (c *cluster) start(n int) {
	c.t.Helper()
	for _, l := range newLinks(c, n) {
		c.add(l, l.servers())
	}
	c.launchAll()
}

// startOn starts so many instances that reach the database servers at these addresses.
func (c *cluster) startOn(n int, servers string) {
	c.t.Helper()
	for range n {
		c.add(&relays{t: c.t}, servers)
	}
	c.launchAll()
}

func (c *cluster) add(l link, servers string) {
	i := c.addOn(l, "")
	i.database = "postgres://postgres@" + servers + "/" + clusterDatabase + "?sslmode=disable&application_name=" + i.name
}

func (c *cluster) addOn(l link, database string) *instance {
	i := &instance{
		c: c, name: fmt.Sprintf("instance%d", len(c.instances)), link: l, pages: l.address(), verify: l.address(), said: &buffer{},
		database: database,
	}
	c.instances = append(c.instances, i)
	return i
}

func (c *cluster) launchAll() {
	c.t.Helper()
	for _, i := range c.instances {
		i.launch()
		c.t.Cleanup(i.finish)
	}
	for _, i := range c.instances {
		i.awaitReady()
	}
}

// launch starts the process.
func (i *instance) launch() {
	i.c.t.Helper()
	i.process = i.link.program(os.Args[0], append([]string{
		"serve", "--database=" + i.database, "--addr=" + i.pages, "--verify-addr=" + i.verify, "--insecure-http",
		"--create-rate=1000000", "--max-keys=1000000", "--log-level=error",
	}, i.flags...)...)
	i.process.Env = append(os.Environ(), asProgram+"=1")
	if i.c.secret != "" { // or it is in the file beside the database
		i.process.Env = append(i.process.Env, secretVariable+"="+i.c.secret)
	}
	if i.c.previous != "" {
		i.process.Env = append(i.process.Env, previousVariable+"="+i.c.previous)
	}
	i.process.Stderr = i.said
	if err := i.process.Start(); err != nil {
		i.c.t.Fatal(err)
	}
	i.ended = make(chan struct{})
	go func(p *exec.Cmd, ended chan struct{}) {
		defer close(ended)
		_ = p.Wait()
	}(i.process, i.ended)
}

// awaitReady waits until the instance says that it is ready.
func (i *instance) awaitReady() time.Duration {
	i.c.t.Helper()
	return until(i.c.t, i.name+" is ready", func() bool {
		if i.gone() {
			i.c.t.Fatalf("%s has ended: %s", i.name, i.said)
		}
		return i.get("/readyz", time.Second).status == http.StatusOK
	})
}

func (i *instance) gone() bool {
	select {
	case <-i.ended:
		return true
	default:
		return false
	}
}

func (i *instance) signal(s syscall.Signal) {
	i.c.t.Helper()
	if err := i.process.Process.Signal(s); err != nil {
		i.c.t.Fatalf("%s: %v: %v: %s", i.name, s, err, i.said)
	}
}

// kill ends the process at once.
func (i *instance) kill() {
	_ = i.process.Process.Kill()
	<-i.ended
}

// finish ends the process at the end of the test, before which it must not have gone wrong in a way of its own.
func (i *instance) finish() {
	i.kill()
	for _, sign := range []string{"panic", "DATA RACE", "fatal error"} {
		if strings.Contains(i.said.String(), sign) {
			i.c.t.Errorf("%s: %s", i.name, i.said)
		}
	}
}

// pause stops the process where it stands. It returns once it does.
func (i *instance) pause() {
	i.c.t.Helper()
	i.signal(syscall.SIGSTOP)
	until(i.c.t, i.name+" stands still", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", i.process.Process.Pid))
		return err != nil || strings.Contains(string(status), ") T ") // where nothing tells it, it is soon enough
	})
}

// resume lets a paused process go on.
func (i *instance) resume() { i.signal(syscall.SIGCONT) }

// terminate ends the process as a service manager does, and waits for its end.
func (i *instance) terminate() {
	i.c.t.Helper()
	i.signal(syscall.SIGTERM)
	select {
	case <-i.ended:
	case <-time.After(time.Minute):
		i.c.t.Fatalf("%s does not end", i.name)
	}
	if code := i.process.ProcessState.ExitCode(); code != 0 {
		i.c.t.Errorf("%s ended with %d: %s", i.name, code, i.said)
	}
}

// restart starts an instance that has ended again, and waits until it is ready.
func (i *instance) restart() time.Duration {
	i.c.t.Helper()
	i.launch()
	return i.awaitReady()
}

// until waits until done, and returns how long that took.
func until(t *testing.T, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Since(began) > time.Minute {
			t.Fatalf("waited in vain: %s", what)
		}
		<-tick.C
	}
	return time.Since(began)
}
