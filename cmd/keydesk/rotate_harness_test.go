//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/dbtest"
)

// newFileCluster is a cluster of one instance on SQLite, whose root secret is in the file beside the database.
func newFileCluster(t *testing.T, people int) *cluster {
	t.Helper()
	c := &cluster{t: t, cookies: map[string]string{}}
	file := filepath.Join(t.TempDir(), "keydesk.db")
	for i := range people {
		c.people = append(c.people, fmt.Sprintf("person%d", i))
		code, _, complaint := command(t, password, "user", "add", c.people[i], "--role=user", "--password-stdin", "--database="+file)
		if code != 0 {
			t.Fatalf("user add: %s", complaint)
		}
	}
	l := &relays{t: t}
	c.instances = []*instance{{c: c, name: "instance0", link: l, pages: l.address(), verify: l.address(), said: &buffer{}, database: file}}
	c.launchAll()
	return c
}

// database returns the database as commands reach it.
func (c *cluster) database() string {
	if c.primary == nil {
		return c.instances[0].database
	}
	return c.primary.DSN(clusterDatabase)
}

// rotate runs keydesk secret rotate, with the root secrets of the cluster, and returns what it says.
func (c *cluster) rotate(what ...string) string {
	c.t.Helper()
	flags := []string{"--database=" + c.database()}
	for flag, digits := range map[string]string{"--secret-file=": c.secret, "--secret-previous-file=": c.previous} {
		if digits != "" {
			file := filepath.Join(c.t.TempDir(), "secret")
			mustWrite(c.t, file, digits)
			flags = append(flags, flag+file)
		}
	}
	if c.primary == nil { // as the operator is told to
		_ = os.Remove(secretOf(c.database()) + ".previous")
	}
	code, said, complaint := command(c.t, "", append(append([]string{"secret", "rotate"}, flags...), what...)...)
	if code != 0 {
		c.t.Fatalf("rotate %q: %s", what, complaint)
	}
	return said
}

// browsing are people who look at their keys, in the sessions that they have.
type browsing struct {
	stop  chan struct{}
	doing sync.WaitGroup
	mu    sync.Mutex
	pages int
	wrong []string
}

func (c *cluster) browse() *browsing {
	b := &browsing{stop: make(chan struct{})}
	for n, person := range c.people {
		b.doing.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for at := n; ; at++ {
				select {
				case <-b.stop:
					return
				case <-tick.C:
					b.look(c.instances[at%len(c.instances)], person)
				}
			}
		})
	}
	return b
}

func (b *browsing) look(i *instance, person string) {
	got := ask(http.MethodGet, "http://"+i.pages+"/profile/keys", http.Header{"Cookie": {i.c.cookies[person]}}, changeTime)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pages++; got.status != http.StatusOK {
		b.wrong = append(b.wrong, fmt.Sprintf("%s of %s: %d to %s, %v", i.name, person, got.status, got.header.Get("Location"), got.err))
	}
}

func (b *browsing) end() {
	close(b.stop)
	b.doing.Wait()
}

// wantAll fails the test unless every instance knows every key, and lets everybody in.
func (c *cluster) wantAll(l *load) {
	c.t.Helper()
	for _, i := range c.instances {
		for _, k := range l.keys {
			if says := i.judge(k.secret, 5*time.Second); says != good && says != deactivated {
				c.t.Errorf("%s says of a key: %q", i.name, says)
			}
		}
		for _, person := range c.people {
			b := &browsing{}
			if b.look(i, person); len(b.wrong) > 0 {
				c.t.Errorf("a session is lost: %s", b.wrong)
			}
		}
	}
}

// count returns the number that a query of the cluster's database yields.
func (c *cluster) count(query string) (n int) {
	c.t.Helper()
	dbtest.Look(c.t, c.database(), query, &n)
	return n
}

// asProcess returns the program, to run as a process of its own.
func asProcess(args ...string) *exec.Cmd {
	p := exec.Command(os.Args[0], args...)
	p.Env = append(os.Environ(), asProgram+"=1")
	return p
}

// mustRotateRoot rotates the root secret of the desk whose secret is in the file.
func mustRotateRoot(t *testing.T, file string) {
	t.Helper()
	code, _, complaint := command(t, "", "secret", "rotate", "root", "--database="+filepath.Join(filepath.Dir(file), "keydesk.db"))
	if code != 0 {
		t.Fatalf("rotate: %s", complaint)
	}
}

func mustRename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// paperOf returns what is in a file.
func paperOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
