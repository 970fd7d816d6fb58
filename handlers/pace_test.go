package handlers

import (
	"testing"
	"testing/synctest"
	"time"
)

// VER-2
func TestRefusalsAreKeptApartAndNothingElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, p := time.Now(), pace{}
		for n, want := range []time.Duration{0, time.Millisecond, 2 * time.Millisecond} {
			p.refuse()
			if took := time.Since(began); took != want {
				t.Errorf("refusal %d was told after %v, not %v", n, took, want)
			}
		}
		time.Sleep(time.Second)
		p.refuse()
		if took := time.Since(began); took != time.Second+2*time.Millisecond {
			t.Errorf("after a while a refusal was told after %v", took)
		}
		other := pace{}
		other.refuse()
		if took := time.Since(began); took != time.Second+2*time.Millisecond {
			t.Errorf("another connection waited until %v", took)
		}
	})
}
