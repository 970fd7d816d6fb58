package main

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/provetest"
)

// flood is many who try passwords, from as many addresses as they like.
type flood struct {
	stop     func()
	tried    atomic.Int64
	answered chan struct{} // for who waits until there is one more answer
}

// flooded has so many at once try to sign in as the users, each attempt from an address of its own.
func (d *desk) flooded(callers int, user func(n int) string) *flood {
	f, end := &flood{answered: make(chan struct{})}, make(chan struct{})
	var all sync.WaitGroup
	for caller := range callers {
		all.Go(func() {
			client := &http.Client{Timeout: time.Minute}
			for n := caller; ; n += callers {
				select {
				case <-end:
					return
				default:
				}
				status, _, err := d.fromAnywhere(client, n, user(n), "not "+password)
				if err != nil || status != http.StatusUnprocessableEntity && status != http.StatusServiceUnavailable { // the line is full
					d.t.Errorf("an attempt is answered %d, %v", status, err)
					return
				}
				f.tried.Add(1)
				select {
				case f.answered <- struct{}{}:
				default: // nobody waits for it
				}
			}
		})
	}
	f.stop = sync.OnceFunc(func() { close(end); all.Wait() })
	d.t.Cleanup(f.stop)
	return f
}

// AUTH-6, AUTH-10: whoever floods an account, from however many addresses, keeps strangers waiting, and its owner goes on
// signing in from a browser that has before. The long form tells what verify takes beside a flood, too.
func TestProveSignInFlood(t *testing.T) {
	if !provetest.Asked() {
		ownerSignsIn(t, 4, 3)
		return
	}
	t.Run("owner", func(t *testing.T) { ownerSignsIn(t, 32, 100) })
	t.Run("verify", verifyDuringAFlood)
}

func ownerSignsIn(t *testing.T, callers, times int) {
	t.Helper()
	d, _ := startProcess(t, newDeskFolder(t), "KEYDESK_TRUSTED_PROXIES=127.0.0.1")
	owner := d.signIn("alice")
	d.sql(`UPDATE users SET failed_sign_ins = 50, tried_at = strftime('%s', 'now') * 1000000 WHERE id = 'alice'`)
	f := d.flooded(callers, func(int) string { return "alice" })
	var slowest time.Duration
	for range times {
		began := time.Now()
		got := owner.post("/login", url.Values{"user_id": {"alice"}, "password": {password}})
		for tries := 1; got.status == http.StatusServiceUnavailable && tries < 5; tries++ { // the page says: in a few seconds
			got = owner.post("/login", url.Values{"user_id": {"alice"}, "password": {password}})
		}
		if got.status != http.StatusSeeOther {
			t.Fatalf("the owner is answered %d", got.status)
		}
		slowest = max(slowest, time.Since(began))
		select {
		case <-f.answered: // so that each is in the middle of it
		case <-time.After(time.Minute):
			t.Fatal("the flood has dried up")
		}
	}
	f.stop()
	throttled := d.count(`SELECT count(*) FROM sign_ins WHERE outcome = 'too many attempts'`)
	if throttled == 0 {
		t.Error("no stranger had to wait, so this was no flood")
	}
	t.Logf("the owner signed in %d times, the slowest took %s, while there were %d other attempts, of which %d were throttled", times,
		slowest.Round(time.Millisecond), f.tried.Load(), throttled)
}

// verifyDuringAFlood measures verifies with a flood of sign-ins beside them and without, in turn.
func verifyDuringAFlood(t *testing.T) {
	const turns, each = 8, 3000
	d, _ := startProcess(t, newDeskFolder(t), "KEYDESK_TRUSTED_PROXIES=127.0.0.1")
	secret, _ := d.signIn("alice").newKey()
	client := &http.Client{Timeout: time.Minute}
	var calm, flooded []time.Duration
	var tried int64
	for range turns {
		calm = append(calm, d.verifies(client, secret, each)...)
		f := d.flooded(64, func(n int) string { return fmt.Sprintf("nobody%d", n) })
		flooded = append(flooded, d.verifies(client, secret, each)...)
		f.stop()
		tried += f.tried.Load()
	}
	for _, part := range []float64{0.5, 0.99} {
		without, beside := quantile(calm, part), quantile(flooded, part)
		t.Logf("p%.0f: %s without a flood, %s beside it, %.1f times", part*100, without, beside, float64(beside)/float64(without))
	}
	t.Logf("%d verifies each, beside %d attempts to sign in", len(calm), tried)
	if tried == 0 {
		t.Error("there was no flood")
	}
}

// verifies asks whether the key is good so many times in turn, and returns how long each took.
func (d *desk) verifies(client *http.Client, secret string, n int) (times []time.Duration) {
	d.t.Helper()
	for range n {
		r, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.url+"/api/v1/verify", nil)
		if err != nil {
			d.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		status, took, err := timed(client, r)
		if err != nil || status != http.StatusOK {
			d.t.Fatalf("verify answers %d, %v", status, err)
		}
		times = append(times, took)
	}
	return times
}
