//go:build unix

package main

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/provetest"
)

// soakSample is what a desk has at a time.
type soakSample struct {
	at                              time.Time
	memory, heap, goroutines, files float64
	wal                             float64 // bytes of the write-ahead log
}

func (s soakSample) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f files, %.1f MB of memory", s.goroutines, s.files, s.memory/1e6)
}

// sample asks the desk what it has, if it is answered.
func (s *soak) sample() (sample soakSample, ok bool) {
	got := ask(http.MethodGet, "http://"+s.inner+"/metrics", nil, soakPatience)
	s.note("metrics", got)
	if got.status != http.StatusOK {
		return soakSample{}, false
	}
	sample = soakSample{at: time.Now()}
	for name, value := range map[string]*float64{
		"process_resident_memory_bytes": &sample.memory, "go_memstats_heap_alloc_bytes": &sample.heap, "go_goroutines": &sample.goroutines,
		"process_open_fds": &sample.files,
	} {
		_, rest, _ := strings.Cut(got.body, "\n"+name+" ")
		line, _, _ := strings.Cut(rest, "\n")
		n, err := strconv.ParseFloat(line, 64)
		if err != nil {
			s.note("metrics", told{err: fmt.Errorf("%s: %w", name, err)})
		}
		*value = n
	}
	if log, err := os.Stat(filepath.Join(s.desk.dir, "keydesk.db-wal")); err == nil {
		sample.wal = float64(log.Size())
	}
	return sample, true
}

// calms waits until the readers that a crowd left behind are closed, where there is time for that.
func (s *soak) calms() bool {
	if provetest.Asked() {
		time.Sleep(readersStay)
	}
	return provetest.Asked()
}

// rests lets everybody go, and returns what the desk has then, in the middle of some samples.
func (s *soak) rests() soakSample {
	s.t.Helper()
	s.calms()
	var some []soakSample
	for range 21 {
		if sample, ok := s.sampleAlone(); ok {
			some = append(some, sample)
		}
	}
	return soakSample{
		memory:     median(values(some, func(s soakSample) float64 { return s.memory })),
		goroutines: median(values(some, func(s soakSample) float64 { return s.goroutines })),
		files:      median(values(some, func(s soakSample) float64 { return s.files })),
	}
}

// The files that SQLite's readers have when all 24 are there, and how long until those that a crowd left behind are closed.
const (
	sqliteFiles = 48
	readersStay = 90 * time.Second
)

// returnsTo waits until the desk has no more than it had at rest before.
func (s *soak) returnsTo(base soakSample) {
	s.t.Helper()
	files := base.files + 3
	if !s.calms() {
		files += sqliteFiles
	}
	var last soakSample
	defer func() { s.t.Logf("at rest: %s, then %s", base, last) }()
	eventually(s.t, func() bool {
		var ok bool
		last, ok = s.sampleAlone()
		return ok && last.goroutines <= base.goroutines+3 && last.files <= files
	})
}

// sampleAlone takes a sample while no connection of ours waits for its next request.
func (s *soak) sampleAlone() (sample soakSample, ok bool) {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:forcetypeassert // of the visitors
	asking.CloseIdleConnections()
	return s.sample()
}

func values[S any](samples []S, of func(S) float64) (all []float64) {
	for _, s := range samples {
		all = append(all, of(s))
	}
	return all
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	all = slices.Sorted(slices.Values(all))
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// slope returns how much more there is an hour: the median of the slopes between every two samples (Theil and Sen), which some
// samples that are far off do not move, with the ends of its 95 % interval (Sen). Samples that follow one another are taken for
// independent, which makes the interval too narrow rather than too wide.
func slope(samples []soakSample, of func(soakSample) float64) (hourly, low, high float64) {
	var slopes []float64
	for i, a := range samples {
		for _, b := range samples[i+1:] {
			slopes = append(slopes, (of(b)-of(a))/b.at.Sub(a.at).Hours())
		}
	}
	if len(slopes) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	slices.Sort(slopes)
	n, pairs := float64(len(samples)), float64(len(slopes))
	wide := 1.96 * math.Sqrt(n*(n-1)*(2*n+5)/18)
	at := func(rank float64) float64 { return slopes[int(min(max(rank, 0), pairs-1))] }
	return median(slopes), at((pairs-wide)/2 - 1), at((pairs + wide) / 2)
}

// That a leak would be found: a goroutine every few minutes, among samples that swing by more than that.
func TestSlopeFindsALeak(t *testing.T) {
	began := time.Now()
	leaking := func(leak float64) (samples []soakSample) {
		for i := range 300 {
			swing := float64(i*7919%13) - 6
			hour := float64(i) / 300
			if i%50 == 49 {
				swing = 500
			}
			samples = append(samples, soakSample{at: began.Add(time.Duration(hour * float64(time.Hour))), goroutines: 40 + swing + leak*hour})
		}
		return samples
	}
	goroutines := func(s soakSample) float64 { return s.goroutines }
	if hourly, low, high := slope(leaking(0), goroutines); low > 0 || high < 0 || math.Abs(hourly) > 0.5 {
		t.Errorf("nothing leaks: %.2f (%.2f to %.2f)", hourly, low, high)
	}
	if hourly, low, _ := slope(leaking(20), goroutines); low < 10 || math.Abs(hourly-20) > 2 {
		t.Errorf("20 leak: %.2f (from %.2f)", hourly, low)
	}
}
