//go:build unix

package main

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakPatience is how long an answer is waited for: a machine with more to do than this is slow, which is no leak.
const soakPatience = 30 * time.Second

// soak is a desk that everybody uses at the same time, at a steady rate that leaves most of the machine alone.
type soak struct {
	t       *testing.T
	desk    *desk
	process *exec.Cmd
	inner   string // its address for verify and metrics
	people  []*visitor
	// The administrator's session for exports, which goes on under another ID whenever its proof of identity is renewed.
	exporter *visitor
	good     []string // keys
	ended    string

	samples []soakSample

	mu   sync.Mutex
	said map[string]int // how often which answer was given
}

// load has everybody work for a while, and takes samples.
func (s *soak) load(during, every time.Duration) {
	s.t.Helper()
	stop := make(chan struct{})
	var working sync.WaitGroup
	for each, do := range map[time.Duration]func(int){
		10 * time.Millisecond:   s.verifies,
		200 * time.Millisecond:  s.browses,
		500 * time.Millisecond:  s.changes,
		1500 * time.Millisecond: s.signsIn,
		1900 * time.Millisecond: s.exports,
		700 * time.Millisecond:  s.hangsUp,
	} {
		working.Go(func() { repeatedly(each, stop, do) })
	}
	working.Go(func() {
		repeatedly(every, stop, func(int) {
			if sample, ok := s.sample(); ok {
				s.samples = append(s.samples, sample)
			}
		})
	})
	time.Sleep(during)
	close(stop)
	working.Wait()
}

// repeatedly does it at the rate until told to stop.
func repeatedly(each time.Duration, stop <-chan struct{}, do func(int)) {
	tick := time.NewTicker(each)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
			do(n)
		}
	}
}

// verifies asks about a key, at either address.
func (s *soak) verifies(n int) {
	key := []string{s.good[0], s.good[1], s.good[0], s.ended, "kd_x"}[n%5]
	base := []string{"http://" + s.inner, s.desk.url}[n/5%2]
	service := []string{"api", "batch", "web"}[n%3]
	s.note("verify", ask(http.MethodGet, base+"/api/v1/verify", http.Header{"X-Api-Key": {key}, "X-Keydesk-Service": {service}}, soakPatience))
}

// browses looks at a page.
func (s *soak) browses(n int) {
	for i, path := range [][]string{
		{"/profile/keys", "/profile", "/help/api-keys", "/nowhere"}, {"/", "/profile/keys", "/admin/users"},
		{"/admin/users", "/admin/users/alice", "/admin/history?tab=api", "/admin/history?tab=changes", "/admin/history", "/healthz", "/admin/users?q=b"},
	} {
		if n%3 == i {
			s.as(s.people[i], http.MethodGet, path[n/3%len(path)], nil, "")
		}
	}
}

// changes makes a key, names it, and deactivates it, its owner or the administrator by turns.
func (s *soak) changes(n int) {
	person := s.people[n%2]
	made := s.as(person, http.MethodPost, "/profile/keys", url.Values{}, "")
	found := keyPath.FindStringSubmatch(made.body)
	if found == nil {
		s.note("new key", told{status: made.status, err: fmt.Errorf("%.200s", made.body)})
		return
	}
	s.note("verify", ask(http.MethodGet, s.desk.url+"/api/v1/verify", http.Header{"X-Api-Key": {secretPattern.FindString(made.body)}}, soakPatience))
	key := "keys/" + found[1]
	s.as(person, http.MethodPost, "/profile/"+key, url.Values{"name": {fmt.Sprint("key ", n)}}, "")
	if n%4 < 2 {
		s.as(person, http.MethodPost, "/profile/"+key+"/deactivate", url.Values{}, "")
	} else {
		s.as(s.people[2], http.MethodPost, "/admin/"+key+"/deactivate", url.Values{"reason": {"soak"}}, "")
	}
}

// signsIn signs somebody in and out again, from many addresses; now and then with a wrong password.
func (s *soak) signsIn(n int) {
	from := fmt.Sprintf("203.0.113.%d", rand.IntN(250))
	if n%10 == 9 {
		s.as(s.desk.visitor(), http.MethodPost, "/login", signInForm("nobody", "wrong horse desk battery"), from)
		return
	}
	v := s.desk.visitor()
	s.as(v, http.MethodPost, "/login", signInForm([]string{"alice", "bob", "root"}[n%3], password), from)
	s.as(v, http.MethodGet, "/", nil, from)
	s.as(v, http.MethodPost, "/logout", url.Values{}, from)
}

// exports downloads the report, and now and then proves again who does.
func (s *soak) exports(n int) {
	if n%100 == 99 {
		s.as(s.exporter, http.MethodPost, "/prove", url.Values{"password": {password}}, "")
	}
	s.as(s.exporter, http.MethodGet, "/admin/users/export.csv?status="+[]string{"", "active", "inactive"}[n%3], nil, "")
}

// hangsUp connects and goes away: before a request, in the middle of its headers or its body, or before the answer is read.
func (s *soak) hangsUp(n int) {
	address := []string{s.inner, strings.TrimPrefix(s.desk.url, "http://")}[n%2]
	conn, err := net.DialTimeout("tcp", address, soakPatience)
	if err != nil {
		s.note("hang up", told{err: err})
		return
	}
	_, _ = io.WriteString(conn, []string{"", "GET /login HT", "POST /login HTTP/1.1\r\nHost: " + address + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\nuser",
		"GET /login HTTP/1.1\r\nHost: " + address + "\r\n\r\n"}[n/2%4])
	_ = conn.Close()
}

// as sends what a person does.
func (s *soak) as(v *visitor, method, path string, form url.Values, from string) told {
	r, err := http.NewRequest(method, s.desk.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return told{err: err}
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if from != "" {
		r.Header.Set("X-Forwarded-For", from)
	}
	got := told{}
	answer, err := v.Do(r)
	if err == nil {
		got.status, got.header = answer.StatusCode, answer.Header
		got.body, err = readAll(answer)
	}
	got.err = err
	route, _, _ := strings.Cut(path, "?")
	if found := keyPath.FindStringIndex(route); found != nil || strings.HasPrefix(route, "/admin/keys/") {
		route = "/.../keys/{id}"
	}
	s.note(method+" "+route, got)
	return got
}

func (s *soak) note(what string, got told) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := fmt.Sprint(what, ": ", got.status)
	if got.err != nil {
		answer += " " + got.err.Error()
	}
	s.said[answer]++
}

// told says how often what was answered.
func (s *soak) told() string {
	text := ""
	for _, answer := range slices.Sorted(maps.Keys(s.said)) {
		text += fmt.Sprintf("%6d %s\n", s.said[answer], answer)
	}
	return "what was answered:\n" + text
}

// wantAnswers fails the test if a request was not answered, or with a fault of the desk.
func (s *soak) wantAnswers() {
	s.t.Helper()
	for answer := range s.said {
		what, status, _ := strings.Cut(answer, ": ")
		refused := strings.HasSuffix(what, "/export.csv") && status != "200"
		if len(status) != 3 || status[0] == '5' || status == "429" || refused {
			s.t.Errorf("%d times %s", s.said[answer], answer)
		}
	}
	for _, want := range []string{"verify: 200", "verify: 401", "metrics: 200", "POST /.../keys/{id}: 303", "POST /logout: 303", "GET /admin/users/export.csv: 200"} {
		if s.said[want] == 0 {
			s.t.Errorf("never %s", want)
		}
	}
}
