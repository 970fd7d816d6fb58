//go:build unix

package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

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
	retired := c.retired()
	for _, i := range c.instances {
		for _, k := range l.keys {
			if says := i.says(k.secret); says != good && says != deactivated && (says != unknown || !retired[k.id]) {
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

// retired returns the ids of the keys whose pepper is retired. All of them are deactivated.
func (c *cluster) retired() map[string]bool {
	c.t.Helper()
	conn := dbtest.Open(c.t, c.database())
	defer func() { _ = conn.Close() }()
	rows, err := conn.Query(`SELECT k.id FROM keys k JOIN secrets s ON s.id = k.pepper_id WHERE s.retired_at IS NOT NULL`)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			c.t.Fatal(err)
		}
		ids[id] = true
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return ids
}

// leaveOutRetired takes out of the history that a key was unknown after its deactivation, if its pepper is retired, and
// returns how often that was.
func (l *load) leaveOutRetired() (n int) {
	retired, ended := l.c.retired(), map[int]int64{}
	for _, s := range l.h.steps {
		if in, _ := s.Input.(input); in.ask == toDeactivate && s.Output == changed {
			if first, known := ended[in.key]; !known || s.Call < first {
				ended[in.key] = s.Call
			}
		}
	}
	l.h.steps = slices.DeleteFunc(l.h.steps, func(s porcupine.Operation) bool {
		in, _ := s.Input.(input)
		at, known := ended[in.key]
		late := in.ask == toVerify && s.Output == unknown && retired[l.keys[in.key].id] && known && s.Return > at
		if late {
			n++
		}
		return late
	})
	return n
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
