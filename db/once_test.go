package db_test

import (
	"sync"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// REV-6
func TestFormMakesOneKey(t *testing.T) {
	d := newDesk(t)
	if _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-1"); err != nil {
		t.Fatal(err)
	}
	log := d.changes()
	for range 3 {
		f := d.fingerprint()
		_, err := d.CreateKey(t.Context(), d.alice, f, "form-1")
		wantRefusal(t, err, access.Clashes)
		if got := d.verdict(f.Hash); got != access.Unknown {
			t.Errorf("the second key of the form is %s", got)
		}
	}
	if len(d.changes()) != len(log) || len(d.all()) != 1 {
		t.Errorf("%d entries more, %d changes told of", len(d.changes())-len(log), len(d.all()))
	}
	for name, submit := range map[string]func() error{
		"another form": func() error { _, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-2"); return err },
		"another user": func() error { _, err := d.CreateKey(t.Context(), d.bob, d.fingerprint(), "form-1"); return err },
	} {
		if err := submit(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// REV-6: deactivating the key does not free its form.
func TestFormIsUsedUpForEver(t *testing.T) {
	d := newDesk(t)
	key, err := d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-1")
	if err != nil {
		t.Fatal(err)
	}
	d.deactivate(d.alice, key.ID)
	d.reopen()
	_, err = d.CreateKey(t.Context(), d.alice, d.fingerprint(), "form-1")
	wantRefusal(t, err, access.Clashes)
}

func TestWithoutAFormEveryCallMakesAKey(t *testing.T) {
	d := newDesk(t)
	for range 5 {
		d.makeKey(d.alice)
	}
	if keys, _, err := d.OwnKeys(t.Context(), d.alice, ""); err != nil || len(keys) != 5 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// REV-6, AZ-10: a double click arrives twice at the same time.
func TestConcurrentSubmitsOfAFormMakeOneKey(t *testing.T) {
	d := newDesk(t)
	const submits = 16
	start, errs := make(chan struct{}), make([]error, submits)
	var asking sync.WaitGroup
	for i := range submits {
		f := d.fingerprint()
		asking.Go(func() {
			<-start
			_, errs[i] = d.CreateKey(t.Context(), d.alice, f, "form-1")
		})
	}
	close(start)
	asking.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
			continue
		}
		wantRefusal(t, err, access.Clashes)
	}
	keys, _, err := d.OwnKeys(t.Context(), d.alice, "")
	if err != nil || made != 1 || len(keys) != 1 || len(d.all()) != 1 {
		t.Errorf("%d submits succeeded, %d keys, %d told of, %v", made, len(keys), len(d.all()), err)
	}
}
