//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// asking is who asks the instances. It follows no redirect and keeps no cookies.
var asking = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 100},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// told is what an instance answered, if it did.
type told struct {
	status int // 0 without an answer
	header http.Header
	body   string
	err    error
}

// String says what it was.
func (got told) String() string { return fmt.Sprintf("%d %q %v", got.status, got.body, got.err) }

// changeTime is how long an answer to a change is waited for.
const changeTime = 30 * time.Second

func (i *instance) get(path string, patience time.Duration) told {
	return ask(http.MethodGet, "http://"+i.pages+path, nil, patience)
}

func ask(method, url string, header http.Header, patience time.Duration) told {
	return askWith(method, url, header, http.NoBody, patience)
}

func askWith(method, url string, header http.Header, body io.Reader, patience time.Duration) told {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return told{err: err}
	}
	r.Header = header
	answer, err := asking.Do(r)
	if err != nil {
		return told{err: err}
	}
	text, err := readAll(answer)
	if err != nil {
		return told{err: err}
	}
	return told{status: answer.StatusCode, header: answer.Header, body: text}
}

// verdict is what a verify says of a key.
type verdict string

const (
	good        verdict = "good"
	deactivated verdict = "deactivated"
	unknown     verdict = "unknown"
	none        verdict = "" // neither yes nor no, or no answer
)

// askFor asks for a key.
func (i *instance) askFor(secret string, patience time.Duration) told {
	return ask(http.MethodGet, "http://"+i.verify+"/api/v1/verify", http.Header{"X-Api-Key": {secret}}, patience)
}

// judge asks for a key, and takes any answer but the three for none.
func (i *instance) judge(secret string, patience time.Duration) verdict {
	return verdictOf(i.askFor(secret, patience))
}

func verdictOf(got told) verdict {
	switch {
	case got.status == http.StatusOK:
		return good
	case got.status == http.StatusUnauthorized && strings.Contains(got.body, `"deactivated"`):
		return deactivated
	case got.status == http.StatusUnauthorized && strings.Contains(got.body, `"unknown"`):
		return unknown
	}
	return none
}

// outcome is what became of a change as far as its answer tells.
type outcome string

const (
	changed   outcome = "changed"
	unchanged outcome = "unchanged" // for sure
	unsure    outcome = "unsure"    // it may happen yet
)

// provedKey is a key whose owner is one of the cluster's people.
type provedKey struct{ owner, secret, id string }

// create makes a key at the instance.
func (i *instance) create(owner string) (provedKey, outcome) {
	got := i.post("/profile/keys", owner)
	if got.status != http.StatusOK {
		return provedKey{}, got.outcome()
	}
	return provedKey{owner, secretPattern.FindString(got.body), keyPath.FindStringSubmatch(got.body)[1]}, changed
}

// deactivate ends a key at the instance.
func (i *instance) deactivate(k provedKey) outcome {
	got := i.post("/profile/keys/"+k.id+"/deactivate", k.owner)
	if got.status == http.StatusSeeOther && strings.HasPrefix(got.header.Get("Location"), "/profile/keys") {
		return changed
	}
	return got.outcome()
}

func (i *instance) post(path, person string) told {
	return ask(http.MethodPost, "http://"+i.pages+path, http.Header{"Cookie": {i.c.cookies[person]}}, changeTime)
}

// fill fills in a form, whose success is a redirect.
func (i *instance) fill(path, person string, form url.Values) outcome {
	got := askWith(http.MethodPost, "http://"+i.pages+path, http.Header{
		"Cookie": {i.c.cookies[person]}, "Content-Type": {"application/x-www-form-urlencoded"},
	}, strings.NewReader(form.Encode()), changeTime)
	if got.status == http.StatusSeeOther && !strings.HasPrefix(got.header.Get("Location"), "/login") {
		return changed
	}
	return got.outcome()
}

// outcome returns what an answer says that is not the one that was asked for.
func (got told) outcome() outcome {
	if failed, ok := errors.AsType[*net.OpError](got.err); ok && failed.Op == "dial" {
		return unchanged // it was not even sent
	}
	if strings.Contains(got.body, "Nothing was changed") || got.status >= 400 && got.status < 500 {
		return unchanged
	}
	return unsure
}

// mustCreate makes so many keys, dealt out to the people.
func (i *instance) mustCreate(n int) (keys []provedKey) {
	i.c.t.Helper()
	for len(keys) < n {
		k, became := i.create(i.c.people[len(keys)%len(i.c.people)])
		if became != changed {
			i.c.t.Fatalf("no key at %s: %s", i.name, became)
		}
		keys = append(keys, k)
	}
	return keys
}

// quantile returns the time that a share of the times is not longer than.
func quantile(times []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
