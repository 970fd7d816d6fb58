package main

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// restoreLoad is somebody who makes keys, and somebody who verifies them.
type restoreLoad struct {
	v       *visitor
	d       *desk
	secrets []string
}

func newRestoreLoad(d *desk, secrets []string) *restoreLoad {
	return &restoreLoad{d.signIn("zz-alice"), d, secrets}
}

// pace is how often something was done, and how long it took at most.
type pace struct {
	done    int
	slowest time.Duration
	over    time.Duration
}

func (p pace) String() string {
	return fmt.Sprintf("%.0f/s, %s", float64(p.done)/p.over.Seconds(), p.slowest.Round(100*time.Microsecond))
}

// during makes keys, each of which is deactivated, and verifies others, while something is done.
func (l *restoreLoad) during(do func()) string {
	done := make(chan struct{})
	over := func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
	var made, verified pace
	var working sync.WaitGroup
	working.Go(func() { made = repeat(over, func(int) { l.makeAndEnd() }) })
	working.Go(func() {
		client := &http.Client{}
		verified = repeat(over, func(i int) {
			ask, err := http.NewRequestWithContext(l.d.t.Context(), http.MethodGet, l.d.url+"/api/v1/verify", nil)
			if err != nil {
				l.d.t.Error(err)
				return
			}
			ask.Header.Set("Authorization", "Bearer "+l.secrets[i*7919%len(l.secrets)])
			answer, err := client.Do(ask)
			if err != nil {
				l.d.t.Error(err)
				return
			}
			if _, err := readAll(answer); err != nil || answer.StatusCode != http.StatusOK {
				l.d.t.Errorf("verify answers %d, %v", answer.StatusCode, err)
			}
		})
	})
	do()
	close(done)
	working.Wait()
	return fmt.Sprintf("%s; %s", made, verified)
}

// makeAndEnd makes a key and deactivates it, as there are limits.
func (l *restoreLoad) makeAndEnd() {
	answer, err := l.v.PostForm(l.d.url+"/profile/keys", url.Values{})
	if err != nil {
		l.d.t.Error(err)
		return
	}
	text, err := readAll(answer)
	found := keyPath.FindStringSubmatch(text)
	if err != nil || found == nil {
		if answer.StatusCode != http.StatusTooManyRequests {
			l.d.t.Errorf("no key: %d %v", answer.StatusCode, err)
		}
		return
	}
	answer, err = l.v.PostForm(l.d.url+"/profile/keys/"+found[1]+"/deactivate", nil)
	if err != nil {
		l.d.t.Error(err)
		return
	}
	_ = answer.Body.Close()
}

func repeat(over func() bool, do func(i int)) (p pace) {
	began := time.Now()
	for !over() {
		before := time.Now()
		do(p.done)
		p.done++
		p.slowest = max(p.slowest, time.Since(before))
	}
	p.over = time.Since(began)
	return p
}
