//go:build measure && linux

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	measureTime  = 5 * time.Second
	measureShare = 20 // percent of a processor that an instance may take
	measureKeys  = 400
)

// TestMeasureInstances tells what 1, 2 and 4 instances do, each with the same share of a processor to itself: how many
// verifies each answers, and what the database has to do for them, at rest, under verifies and for changes of keys.
func TestMeasureInstances(t *testing.T) {
	t.Logf("| instances | verifies/s of each | of all | statements/s at rest | under verifies | statements a change | deactivated in, p50 | p99 |")
	for _, n := range []int{1, 2, 4, 1, 2, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			c := newCluster(t, 4)
			c.startOn(n, c.servers("127.0.0.1")[0])
			c.signIn()
			var secrets []string
			for _, k := range c.instances[0].mustCreate(measureKeys) {
				secrets = append(secrets, k.secret)
			}
			for _, i := range c.instances {
				i.pin(measureShare)
			}
			resting := c.statements(measureTime, func() { time.Sleep(measureTime) })
			var each []float64
			loaded := c.statements(measureTime, func() { each = c.verifies(secrets) })
			var took []time.Duration
			const changes = 60
			began := time.Now()
			made := c.statements(time.Second, func() {
				for at := range changes {
					i := c.instances[at%n]
					k := i.mustCreate(1)[0]
					took = append(took, i.mustDeactivate(k))
				}
			}) - resting*time.Since(began).Seconds()
			sum := 0.0
			for _, rate := range each {
				sum += rate
			}
			t.Logf("| %d | %.0f to %.0f | %.0f | %.1f | %.1f | %.1f | %s | %s |", n, slices.Min(each), slices.Max(each), sum,
				resting, loaded, made/(2*changes), quantile(took, 0.5).Round(100*time.Microsecond), quantile(took, 0.99).Round(100*time.Microsecond))
		})
	}
}

// statements returns how many transactions the database had meanwhile, over so long: Keydesk's single statements are one each.
func (c *cluster) statements(over time.Duration, meanwhile func()) float64 {
	const query = `SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'keydesk'`
	settle := func() int { time.Sleep(1500 * time.Millisecond); return c.ask(query) } // it is told with some delay
	before, began := settle(), time.Now()
	meanwhile()
	after := settle()
	if took := time.Since(began); over > time.Second { // a rate, of all the time that was counted
		return float64(after-before) / took.Seconds()
	}
	return float64(after - before)
}

// verifies asks all instances as fast as they answer, and returns how many each accepted in a second.
func (c *cluster) verifies(secrets []string) (rates []float64) {
	accepted, stop := make([]atomic.Int64, len(c.instances)), time.Now().Add(measureTime)
	var asking sync.WaitGroup
	for at, i := range c.instances {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
		for worker := range 8 {
			asking.Go(func() {
				for n := worker; time.Now().Before(stop); n += 7 {
					r, err := http.NewRequest(http.MethodGet, "http://"+i.verify+"/api/v1/verify", http.NoBody)
					if err != nil {
						panic(err)
					}
					r.Header.Set("X-API-Key", secrets[n%len(secrets)])
					answer, err := client.Do(r)
					if err != nil {
						continue
					}
					if _, err := readAll(answer); err == nil && answer.StatusCode == http.StatusOK {
						accepted[at].Add(1)
					}
				}
			})
		}
	}
	asking.Wait()
	for at := range accepted {
		rates = append(rates, float64(accepted[at].Load())/measureTime.Seconds())
	}
	return rates
}

// pin gives the instance so many percent of a processor, and no more.
func (i *instance) pin(percent int) {
	i.c.t.Helper()
	const period = 20_000 // microseconds
	quota, folder := strconv.Itoa(period*percent/100), "/sys/fs/cgroup/cpu/keydesk-"+strconv.Itoa(i.process.Process.Pid)
	settings := [][2]string{{"cpu.cfs_period_us", strconv.Itoa(period)}, {"cpu.cfs_quota_us", quota}}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		folder = strings.Replace(folder, "/cpu/", "/", 1)
		settings = [][2]string{{"cpu.max", quota + " " + strconv.Itoa(period)}}
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		i.c.t.Fatalf("pin: %v: this is measured as root", err)
	}
	i.c.t.Cleanup(func() {
		i.kill()
		_ = os.Remove(folder)
	})
	for _, s := range append(settings, [2]string{"cgroup.procs", strconv.Itoa(i.process.Process.Pid)}) {
		if err := os.WriteFile(filepath.Join(folder, s[0]), []byte(s[1]), 0o644); err != nil {
			i.c.t.Fatal(err)
		}
	}
}
