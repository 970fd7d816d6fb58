//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/provetest"
)

// What a desk may have more of after an hour of load than before, as the slope over all samples says. The table of keys and
// the caches of SQLite grow with what there is.
const (
	soakMemory     = 4 << 20
	soakGoroutines = 1
	soakFiles      = 1
)

// DOS-8: a desk that everybody uses at the same time has after an hour what it had at the beginning: no more goroutines and
// files once nobody is there, no more memory as time goes by, and a write-ahead log of 64 MB at most.
func TestProveSoak(t *testing.T) {
	t.Parallel()
	during, every := 6*time.Second, 200*time.Millisecond
	if provetest.Asked() {
		during, every = time.Hour, 5*time.Second
		if d, err := time.ParseDuration(os.Getenv("KEYDESK_SOAK")); err == nil {
			during, every = d, d/720
		}
	}
	keys := 1000
	if provetest.Asked() {
		keys = 50_000 // far more than are made meanwhile, or memory would grow with them
	}
	s := newSoak(t, keys)
	s.load(2*time.Second, time.Hour) // so that all is there that is kept
	base := s.rests()
	warm := during / 6
	s.load(warm, every)
	s.samples = nil
	s.load(during-warm, every)
	s.returnsTo(base)
	t.Log(s.told())
	s.wantAnswers()
	for _, m := range []struct {
		what string
		most float64
		of   func(soakSample) float64
	}{
		{"bytes of memory", soakMemory, func(s soakSample) float64 { return s.memory }},
		{"bytes of the heap", soakMemory, func(s soakSample) float64 { return s.heap }},
		{"goroutines", soakGoroutines, func(s soakSample) float64 { return s.goroutines }},
		{"files", soakFiles, func(s soakSample) float64 { return s.files }},
	} {
		hourly, low, high := slope(s.samples, m.of)
		t.Logf("%s an hour: %+.2f (95 %%: %+.2f to %+.2f), of %.0f in the middle, %d samples", m.what, hourly, low, high,
			median(values(s.samples, m.of)), len(s.samples))
		if provetest.Asked() && low > 0 && hourly > m.most {
			t.Errorf("there are %.2f more %s an hour", hourly, m.what)
		}
	}
	for _, sample := range s.samples {
		if sample.wal > mostWAL {
			t.Errorf("the write-ahead log has %.0f bytes", sample.wal)
		}
	}
}

// mostWAL is how long the write-ahead log of SQLite may become.
const mostWAL = 64 << 20

// newSoak starts a desk with so many keys as a process of its own, and signs everybody in.
func newSoak(t *testing.T, keys int) *soak {
	t.Helper()
	dir := filepath.Dir(madeUp(t, "--users=100", fmt.Sprint("--keys=", keys)))
	addPeople(t, dir)
	s := &soak{t: t, inner: freeAddress(t), said: map[string]int{}}
	flags := append(serveIn(dir), "--verify-addr="+s.inner, "--trusted-proxies=127.0.0.1", "--create-rate=100000", "--max-keys=100000")
	s.desk, s.process = startCommand(t, dir, exec.Command(os.Args[0], flags...))
	for _, user := range []string{"alice", "bob", "root"} {
		s.people = append(s.people, s.desk.signIn(user))
	}
	s.exporter = s.desk.signIn("root")
	for _, person := range s.people[:2] {
		secret, _ := person.newKey()
		s.good = append(s.good, secret)
	}
	ended, id := s.people[0].newKey()
	s.people[0].post("/profile/keys/"+id+"/deactivate", nil)
	s.ended = ended
	return s
}
