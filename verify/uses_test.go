package verify_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/verify"
)

// keysOf returns a table's entries of so many keys, numbered from 1.
func keysOf(n int) []verify.Key {
	table, keys := verify.NewTable(), make([]verify.Key, n)
	for i := range n {
		change := made(i)
		table.Note(change)
		_, keys[i] = table.Find(&change.Hash)
	}
	return keys
}

func noon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// VER-9: each use counts, by key, day and caller; a last use never moves backwards.
func TestUsesAreCounted(t *testing.T) {
	var uses verify.Uses
	keys := keysOf(2)
	at, day := noon(), access.Day(noon())
	uses.Add(keys[1], access.Accepted, "billing", "192.0.2.1", at.Add(time.Second))
	uses.Add(keys[1], access.Accepted, "billing", "192.0.2.1", at)
	uses.Add(keys[1], access.Accepted, "billing", "192.0.2.2", at)
	uses.Add(keys[1], access.Deactivated, "billing", "192.0.2.1", at.Add(time.Minute))
	uses.Add(keys[1], access.Accepted, "", "", at.Add(12*time.Hour))
	uses.Add(keys[0], access.Deactivated, "", "192.0.2.1", at)
	want := []access.Use{
		{Key: 1, Day: day, Address: "192.0.2.1", Refused: 1, LastAt: at},
		{
			Key: 2, Day: day, Service: "billing", Address: "192.0.2.1", Accepted: 2, Refused: 1,
			LastAt: at.Add(time.Minute), UsedAt: at.Add(time.Second),
		},
		{Key: 2, Day: day, Service: "billing", Address: "192.0.2.2", Accepted: 1, LastAt: at, UsedAt: at},
		{
			Key: 2, Day: day.AddDate(0, 0, 1), Accepted: 1, LastAt: at.Add(12 * time.Hour),
			UsedAt: at.Add(12 * time.Hour),
		},
	}
	if got := uses.Take(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := uses.Take(); len(got) != 0 {
		t.Errorf("taken twice: %+v", got)
	}
}

// What could not be written is there for the next time, with what came meanwhile.
func TestReturnedUsesAreTakenAgain(t *testing.T) {
	var uses verify.Uses
	keys := keysOf(3)
	for _, key := range keys {
		uses.Add(key, access.Accepted, "", "192.0.2.1", noon())
	}
	batch := uses.Take()
	uses.Add(keys[2], access.Accepted, "", "192.0.2.1", noon().Add(-time.Second))
	uses.Return(batch, 1)
	got := uses.Take()
	if len(got) != 2 || got[0].Key != 2 || got[1].Accepted != 2 || !got[1].UsedAt.Equal(noon()) {
		t.Errorf("got %+v", got)
	}
}

// The busiest 20 callers of a key on a day are told apart; nothing is lost of the others.
func TestCallersThatAreTooManyAreOne(t *testing.T) {
	var uses verify.Uses
	keys := keysOf(1)
	const callers = 50
	for i := range callers {
		for range 1 + i%7 {
			uses.Add(keys[0], access.Accepted, "", fmt.Sprintf("192.0.2.%d", i), noon())
		}
	}
	uses.Add(keys[0], access.Accepted, access.OtherCallers, "", noon())
	got := uses.Take()
	var told, sum int64
	for _, use := range got {
		sum += use.Accepted
		if use.Service != access.OtherCallers {
			told++
		}
		if use.Service != access.OtherCallers && use.Accepted < 4 {
			t.Errorf("not among the busiest: %+v", use)
		}
	}
	if len(got) != access.DayCallers+1 || told != access.DayCallers || sum != 1+197 {
		t.Errorf("%d uses, %d callers, %d verifies", len(got), told, sum)
	}
}

// DUR-7, VER-9: a flood of callers is bounded: what comes is added up, and beyond what is told apart each key has one entry more.
func TestFloodOfCallersIsBounded(t *testing.T) {
	var uses verify.Uses
	keys := keysOf(3)
	const flood = 100_000
	for i := range flood {
		uses.Add(keys[i%3], access.Accepted, "", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), noon())
	}
	if n := uses.Len(); n > 3*(1<<12+1<<10) {
		t.Errorf("%d callers are remembered", n)
	}
	var sum int64
	for _, use := range uses.Take() {
		sum += use.Accepted
	}
	if sum != flood {
		t.Errorf("%d of %d verifies are counted", sum, flood)
	}
}

func TestUsesAtOnceAreAllCounted(t *testing.T) {
	var uses verify.Uses
	keys := keysOf(100)
	var sum int64
	var adding, taking sync.WaitGroup
	stop := make(chan struct{})
	taking.Go(func() {
		for {
			for _, use := range uses.Take() {
				sum += use.Accepted
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	const callers, each = 8, 5000
	for range callers {
		adding.Go(func() {
			for i := range each {
				uses.Add(keys[i%len(keys)], access.Accepted, "gateway", "192.0.2.1", noon())
			}
		})
	}
	adding.Wait()
	close(stop)
	taking.Wait()
	for _, use := range uses.Take() {
		sum += use.Accepted
	}
	if sum != callers*each {
		t.Errorf("%d of %d uses are counted", sum, callers*each)
	}
}

func BenchmarkAdd(b *testing.B) {
	var uses verify.Uses
	keys := keysOf(10_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		uses.Add(keys[i%len(keys)], access.Accepted, "gateway", "192.0.2.1", noon())
		i++
	}
}
