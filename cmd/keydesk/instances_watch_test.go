//go:build unix

package main

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/keydesk/keydesk/db/pgtest"
)

// watch asks every instance for a good key all the time.
type watch struct {
	c      *cluster
	stop   context.CancelFunc
	asking sync.WaitGroup
	waits  *waits
	told   sync.Map     // holds each instance that accepted the key when it was asked last
	silent atomic.Int64 // answers that were no yes
	first  atomic.Int64 // when the first of them came, in nanoseconds since 1970
}

// watch watches until the end of the watch, or of the test.
func (c *cluster) watch(key provedKey) *watch {
	ctx, stop := context.WithCancel(context.Background())
	w := &watch{c: c, stop: stop, waits: newWaits(c.instances)}
	c.t.Cleanup(w.end)
	for _, i := range c.instances {
		w.told.Store(i, true)
		w.asking.Go(func() {
			for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
				w.note(i, i.judge(key.secret, patience))
			}
		})
	}
	return w
}

func (w *watch) note(i *instance, says verdict) {
	w.waits.verify(i, says == good)
	switch says {
	case good:
		w.told.Store(i, true)
		return
	case deactivated, unknown:
		w.c.t.Errorf("%s says of a good key: %s", i.name, says)
	}
	w.told.Delete(i)
	w.silent.Add(1)
	w.first.CompareAndSwap(0, time.Now().UnixNano())
}

func (w *watch) end() {
	w.stop()
	w.asking.Wait()
}

// tells returns how many instances accepted the key when they were asked last.
func (w *watch) tells() (n int) {
	w.told.Range(func(any, any) bool { n++; return true })
	return n
}

// longest returns the longest that any instance did not accept the key.
func (w *watch) longest() time.Duration {
	verify, _ := w.waits.longest()
	return verify.Round(time.Millisecond)
}

// held says for how long all accepted the key after the kill.
func (w *watch) held(killed time.Time) string {
	if first := w.first.Load(); first > 0 {
		return "until " + time.Unix(0, first).Sub(killed).Round(time.Millisecond).String() + " after the kill"
	}
	return "all the time"
}

// page asks for a page that reads the database.
func (i *instance) page() told {
	return ask(http.MethodGet, "http://"+i.pages+"/profile/keys", http.Header{"Cookie": {i.c.cookies[i.c.people[0]]}}, changeTime)
}

// ask returns the number that a query of the primary yields.
func (c *cluster) ask(query string) (n int) { return c.askServer(c.primary, query) }

func (c *cluster) askServer(s *pgtest.Server, query string) (n int) {
	c.t.Helper()
	c.readServer(s, query, &n)
	return n
}

// leases returns how often each lease was renewed, by its id.
func (c *cluster) leases(s *pgtest.Server) (renewals map[string]int) {
	c.t.Helper()
	c.readServer(s, `SELECT coalesce(json_object_agg(id, renewals), '{}') FROM leases`, &renewals)
	return renewals
}

func (c *cluster) readServer(s *pgtest.Server, query string, into any) {
	c.t.Helper()
	conn, err := pgx.Connect(context.Background(), s.DSN(clusterDatabase))
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(context.Background(), query).Scan(into); err != nil {
		c.t.Fatal(err)
	}
}
