package handlers

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// VER-2
func TestRefusalsAreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waiting atomic.Int64
		began, p := time.Now(), newPace()
		for n := range 3 {
			p.refuse(&waiting)
			if took, want := time.Since(began), time.Duration(n+1)*time.Millisecond; took != want {
				t.Errorf("refusal %d was told after %v, not %v", n, took, want)
			}
		}
		time.Sleep(time.Second)
		began = time.Now()
		p.refuse(&waiting)
		if took := time.Since(began); took != 0 {
			t.Errorf("who had not been refused for a second waited for %v", took)
		}
	})
}

// However many connections ask, there are about 8 refusals in a millisecond.
func TestManyConnectionsAreRefusedNoFasterThanFew(t *testing.T) {
	const each = 100
	for _, row := range []struct {
		connections int
		least, most time.Duration
	}{
		{8, each * time.Millisecond, each * time.Millisecond},
		{64, each * 4 * time.Millisecond, each * 8 * time.Millisecond},
		{1000, each * 25 * time.Millisecond, each * 50 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			var waiting atomic.Int64
			var all sync.WaitGroup
			began := time.Now()
			for range row.connections {
				all.Go(func() {
					p := newPace()
					for range each {
						p.refuse(&waiting)
					}
				})
			}
			all.Wait()
			if took := time.Since(began); took < row.least || took > row.most {
				t.Errorf("%d connections were refused %d times each in %v, want %v to %v", row.connections, each, took, row.least, row.most)
			}
			if n := waiting.Load(); n != 0 {
				t.Errorf("%d wait after the end", n)
			}
		})
	}
}
