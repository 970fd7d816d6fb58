package access_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

// VER-9
func TestLatestUseIsKept(t *testing.T) {
	var uses access.Uses
	uses.Add("one", noon())
	uses.Add("one", noon().Add(time.Second))
	uses.Add("one", noon().Add(-time.Hour)) // the clock was set back
	uses.Add("other", noon())
	taken := uses.Take()
	if len(taken) != 2 || !taken["one"].Equal(noon().Add(time.Second)) || !taken["other"].Equal(noon()) {
		t.Errorf("took %v", taken)
	}
	if again := uses.Take(); len(again) != 0 {
		t.Errorf("a second Take took %v", again)
	}
}

func TestUsesAfterATakeAreNotInIt(t *testing.T) {
	var uses access.Uses
	uses.Add("one", noon())
	taken := uses.Take()
	uses.Add("one", noon().Add(time.Second))
	if len(taken) != 1 || !taken["one"].Equal(noon()) {
		t.Errorf("took %v", taken)
	}
}

// VER-9
func TestReturnedUsesMoveNothingBackwards(t *testing.T) {
	var uses access.Uses
	uses.Add("one", noon())
	uses.Add("other", noon())
	taken := uses.Take()
	uses.Add("one", noon().Add(time.Second))
	uses.Return(taken)
	again := uses.Take()
	if len(again) != 2 || !again["one"].Equal(noon().Add(time.Second)) || !again["other"].Equal(noon()) {
		t.Errorf("took %v", again)
	}
}

// VER-9: whoever takes, no use is lost.
func TestConcurrentUsesAreAllTaken(t *testing.T) {
	const callers, each = 8, 500
	var uses access.Uses
	latest := map[string]time.Time{}
	gather := func() {
		for id, at := range uses.Take() {
			if at.After(latest[id]) {
				latest[id] = at
			}
		}
	}
	var adding sync.WaitGroup
	for caller := range callers {
		adding.Go(func() {
			for i := range each {
				uses.Add("shared", noon().Add(time.Duration(i*callers+caller)*time.Second))
				uses.Add(strconv.Itoa(caller), noon().Add(time.Duration(i)*time.Second))
			}
		})
	}
	done := make(chan struct{})
	go func() { adding.Wait(); close(done) }()
	for running := true; running; {
		gather()
		select {
		case <-done:
			running = false
		default:
		}
	}
	gather()
	if want := noon().Add((each*callers - 1) * time.Second); len(latest) != callers+1 || !latest["shared"].Equal(want) {
		t.Errorf("%d keys, the shared one last used %v, want %v", len(latest), latest["shared"], want)
	}
	for caller := range callers {
		if got := latest[strconv.Itoa(caller)]; !got.Equal(noon().Add((each - 1) * time.Second)) {
			t.Errorf("caller %d was last seen %v", caller, got)
		}
	}
}
