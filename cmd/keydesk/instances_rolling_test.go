//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestProveRollingRestarts starts three instances behind nginx, with the configuration of deploy/, again in turn, while verifies
// come at a constant rate: none fails.
func TestProveRollingRestarts(t *testing.T) {
	brief(t)
	for name, address := range map[string]func(*instance) *string{
		"the desk's address": func(i *instance) *string { return &i.pages }, "the verify address": func(i *instance) *string { return &i.verify },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 1)
			f := newFront(t, exampleHost, 3)
			for n := range f.desks {
				c.add(&relays{t: t}, c.servers("127.0.0.1")[0])
				*address(c.instances[n]) = f.desks[n]
			}
			f.start((*front).nginx)
			c.launchAll()
			c.signIn()
			s := &steady{f: f, secret: c.instances[0].mustCreate(1)[0].secret}
			c.restartInTurn(s, oneOf(1, 20))
			if len(s.failed) > 0 {
				t.Errorf("%d of %d failed: %q", len(s.failed), len(s.took), s.failed[:min(len(s.failed), 10)])
			}
		})
	}
}

// restartInTurn does it so many times while a key is verified.
func (c *cluster) restartInTurn(s *steady, rounds int) {
	c.t.Helper()
	var asking sync.WaitGroup
	ctx, stop := context.WithCancel(c.t.Context())
	defer stop()
	asking.Go(func() { s.ask(ctx) })
	began := time.Now()
	for range rounds {
		for _, i := range c.instances {
			i.terminate()
			i.restart()
			time.Sleep(oneOf(0, time.Second)) // with all three
		}
	}
	stop()
	asking.Wait()
	c.t.Logf("%d rolling restarts of 3 instances behind nginx in %s: %d verifies, %d a second; %d failed; p50 %s, p99 %s, the longest %s",
		rounds, time.Since(began).Round(time.Second), len(s.took), int(float64(len(s.took))/time.Since(began).Seconds()), len(s.failed),
		quantile(s.took, 0.5).Round(time.Microsecond), quantile(s.took, 0.99).Round(time.Microsecond), longest(s.took))
}

// steady asks for a key at a steady rate, however long the answers take.
type steady struct {
	f      *front
	secret string
	mu     sync.Mutex
	took   []time.Duration
	failed []string
}

// every is how often it asks.
const every = 5 * time.Millisecond

func (s *steady) ask(ctx context.Context) {
	v := s.f.visitor("127.0.0.1")
	if many, ok := v.Transport.(*http.Transport); ok {
		many.MaxIdleConnsPerHost = 100
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	var under sync.WaitGroup
	defer under.Wait()
	for number := 0; ; number++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		under.Go(func() { s.once(v, []string{http.MethodGet, http.MethodPost}[number%2]) })
	}
}

func (s *steady) once(v *visitor, method string) {
	began := time.Now()
	problem := ""
	r, err := http.NewRequest(method, v.desk.url+"/api/v1/verify", http.NoBody)
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.secret)
	answer, err := v.Do(r)
	if err == nil {
		text, err := readAll(answer)
		if err != nil || answer.StatusCode != http.StatusOK {
			problem = fmt.Sprint(answer.StatusCode, text, err)
		}
	} else {
		problem = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, time.Since(began))
	if problem != "" {
		s.failed = append(s.failed, problem)
	}
}
