package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// failing are the ways in which a sign-in fails, each by those who fail so. All but the unknown and the wrong have the right
// password.
type failing struct {
	name, password string
	user           func(i int) string
}

// failings are AUTH-5's. Failures count by account, so they take turns.
func failings() []failing {
	const turns = 30
	one := func(of string) func(int) string {
		return func(i int) string { return fmt.Sprintf("%s%03d", of, i%turns) }
	}
	return []failing{
		{"unknown", "not " + password, func(int) string { return fmt.Sprintf("nobody%03x", rand.N(4096))[:8] }},
		{"wrong password", "not " + password, one("wrong")},
		{"disabled", password, one("ended")},
		{"no password yet", password, one("fresh")},
		{"throttled", password, one("tried")},
	}
}

// addFailing makes the accounts that fail, with the hash of alice's password.
func (d *desk) addFailing() {
	d.t.Helper()
	d.sql(`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29), kind (k) AS (VALUES ('wrong'), ('ended'), ('fresh'), ('tried'))
		INSERT INTO users (id, name, name_folded, role, password_hash, created_at, disabled_at)
		SELECT k || printf('%03d', i), '', '', 'user', iif(k = 'fresh', '', (SELECT password_hash FROM users WHERE id = 'alice')), 0,
			iif(k = 'ended', 0, NULL) FROM n, kind`)
	d.keepFailing()
}

// keepFailing has strangers wait at the accounts that are attacked, for 5 minutes from now, and at no other.
func (d *desk) keepFailing() {
	d.t.Helper()
	d.sql(`UPDATE users SET failed_sign_ins = iif(id LIKE 'tried%', 50, 0), tried_at = (strftime('%s', 'now') + 300) * 1000000`)
}

// fromAnywhere asks to sign in from an address that nobody has had before, and returns the answer and how long it took.
func (d *desk) fromAnywhere(client *http.Client, n int, user, password string) (status int, took time.Duration, err error) {
	form := url.Values{"user_id": {user}, "password": {password}}.Encode()
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+"/login", strings.NewReader(form))
	if err != nil {
		return 0, 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255))
	return timed(client, r)
}

// timed makes a request, and returns how long it took until all of the answer was there.
func timed(client *http.Client, r *http.Request) (status int, took time.Duration, err error) {
	began := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return 0, 0, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, time.Since(began), errors.Join(err, answer.Body.Close())
}

// AUTH-5: nobody can tell by the time it takes why a sign-in has failed. The five ways take turns in an order that changes;
// of each two of them neither is the slower one in more than 55 of 100 pairs. The short form finds one that hashes nothing: of
// so few pairs as it has, chance makes 95 of 100 alike once in millions of runs, however busy the machine.
func TestProveSignInTiming(t *testing.T) {
	const warm = 20
	rounds, most := oneOf(25, 1200), oneOf(0.95, 0.55)
	d, _ := startProcess(t, newDeskFolder(t), "KEYDESK_TRUSTED_PROXIES=127.0.0.1")
	d.addFailing()
	client := &http.Client{Timeout: time.Minute}
	ways, times := failings(), make([][]float64, len(failings()))
	n := 0
	for round := range warm + rounds {
		if round%40 == 0 {
			d.keepFailing()
		}
		for _, i := range rand.Perm(len(ways)) {
			n++
			status, took, err := d.fromAnywhere(client, n, ways[i].user(round), ways[i].password)
			if err != nil || status != http.StatusUnprocessableEntity {
				t.Fatalf("%s: %d, %v", ways[i].name, status, err)
			}
			if round >= warm {
				times[i] = append(times[i], took.Seconds()*1000)
			}
		}
	}
	d.sawFailures(rounds + warm)
	for i, a := range ways {
		sorted := slices.Sorted(slices.Values(times[i]))
		t.Logf("%s: median %.2f ms of %d", a.name, sorted[len(sorted)/2], len(sorted))
		for j, b := range ways[:i] {
			t.Logf("%s against %s: %.3f", a.name, b.name, auc(times[i], times[j]))
			if !alike(times[i], times[j], most) {
				t.Errorf("%s can be told from %s", a.name, b.name)
			}
		}
	}
}

// sawFailures checks that as many sign-ins have failed in each of the ways, as the history has it.
func (d *desk) sawFailures(each int) {
	d.t.Helper()
	for _, outcome := range []string{"unknown user", "wrong password", "account disabled", "no password set yet", "too many attempts"} {
		if n := d.count(`SELECT count(*) FROM sign_ins WHERE outcome = '` + outcome + `'`); n != each {
			d.t.Errorf("%d of %d are written down as %s", n, each, outcome)
		}
	}
}
