package db_test

import (
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// DOS-7: slow downloads hold up other exports at most, and what is refused is not written down as done.
func TestSlowExportsHoldUpNothingElse(t *testing.T) {
	const most = 4
	d := newDesk(t)
	d.makeKey(d.alice)
	begun, finish := make(chan struct{}), make(chan struct{})
	var downloading sync.WaitGroup
	for range most {
		downloading.Go(func() {
			err := d.Export(t.Context(), d.root, "", reading(func() error { begun <- struct{}{}; <-finish; return nil },
				func(access.Key) error { return nil }))
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range most {
		<-begun
	}
	log := d.changes()
	err := d.Export(t.Context(), d.root, "", reading(func() error { t.Error("one export too many began"); return nil },
		func(access.Key) error { return nil }))
	wantRefusal(t, err, access.TooMany)
	if after := d.changes(); len(after) != len(log) {
		t.Errorf("the audit log grew by %d", len(after)-len(log))
	}
	key, hash := d.makeKey(d.alice)
	d.deactivate(d.alice, key.ID)
	if got := d.verdict(hash); got != access.Deactivated {
		t.Errorf("meanwhile a deactivated key is %s", got)
	}
	close(finish)
	downloading.Wait()
	if got := d.export(d.root, ""); len(got) != 2 {
		t.Errorf("then an export has %d keys", len(got))
	}
}
