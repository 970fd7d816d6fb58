package db_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

// threeInstances opens the database of a desk by two more that have the same limits, and returns all three.
func threeInstances(t *testing.T, limits access.KeyLimits) (*desk, []*db.DB) {
	t.Helper()
	d := newPostgresDesk(t)
	d.reopenWith(limits)
	all := []*db.DB{d.DB}
	for range 2 {
		o := d.options()
		o.Limits = limits
		another, err := db.Open(t.Context(), o)
		d.must(err)
		t.Cleanup(func() { _ = another.Close() })
		all = append(all, another)
	}
	return d, all
}

// atOnce calls do n times at once, with the instances in turn, and returns how many calls succeeded; the others must be
// refused so.
func atOnce(t *testing.T, instances []*db.DB, n int, code access.Code, do func(i int, on *db.DB) error) int {
	t.Helper()
	start := make(chan struct{})
	var doing sync.WaitGroup
	var done atomic.Int64
	for i := range n {
		doing.Go(func() {
			<-start
			if err := do(i, instances[i%len(instances)]); err != nil {
				wantRefusal(t, err, code)
			} else {
				done.Add(1)
			}
		})
	}
	close(start)
	doing.Wait()
	return int(done.Load())
}

// KEY-7, AUD-9, AZ-10: whichever instances are asked at once, a limit is exact, and changes are numbered without gaps.
func TestInstancesChangeOneAfterTheOther(t *testing.T) {
	const limit, asked = 5, 24
	d, all := threeInstances(t, access.KeyLimits{Active: limit})
	prints := make([]access.Fingerprint, asked)
	for i := range prints {
		prints[i] = d.fingerprint()
	}
	made := atOnce(t, all, asked, access.Clashes, func(i int, on *db.DB) error {
		_, err := on.CreateKey(t.Context(), d.alice, prints[i], "")
		return err
	})
	if p := d.person("alice"); made != limit || p.ActiveKeys != limit {
		t.Errorf("%d keys were made, alice has %d", made, p.ActiveKeys)
	}
	checkNumbers(t, d.changes(), 3+limit)
}

// AZ-9, AZ-10: of three administrators who turn on each other by an instance each, at least one stays.
func TestOfAdministratorsOnSeveralInstancesOneStays(t *testing.T) {
	d, all := threeInstances(t, access.KeyLimits{})
	admins := []access.Actor{d.root, d.addAdmin("carol"), d.addAdmin("dave")}
	for round := range 10 {
		atOnce(t, all, 3, access.Denied, func(i int, on *db.DB) error {
			return on.ChangeRole(t.Context(), admins[i], admins[(i+1)%3].UserID, access.User)
		})
		var left string
		for _, a := range admins {
			if d.people()[a.UserID] == access.Admin {
				left = a.UserID
			}
		}
		if left == "" {
			t.Fatalf("round %d: there are %v", round, d.people())
		}
		for _, a := range admins {
			if a.UserID != left {
				d.must(d.ChangeRole(t.Context(), asAdmin(left), a.UserID, access.Admin))
			}
		}
	}
}

// AUTH-6: what is tried at once is counted as what is tried in turn, whichever instances it is tried at.
func TestInstancesThrottleTogether(t *testing.T) {
	d, all := threeInstances(t, access.KeyLimits{})
	looked := atOnce(t, all, 3*access.AddressFailures, access.TooMany, func(_ int, on *db.DB) error {
		_, err := on.SignIn(t.Context(), with(access.SignIn{UserID: "alice", Address: "192.0.2.7", Outcome: access.WrongPassword}), db.Opening{})
		return err
	})
	if looked != access.AddressFailures {
		t.Errorf("%d attempts were looked at", looked)
	}
	signIns, _, err := d.SignIns(t.Context(), d.root, 0)
	if err != nil || len(signIns) != access.AddressFailures {
		t.Errorf("%d are written down, %v", len(signIns), err)
	}
}

// VER-9: instances that save and merge uses at once lose none and count none twice.
func TestInstancesMergeEveryUseOnce(t *testing.T) {
	const rounds, keys, callers = 8, 40, 4
	d, all := threeInstances(t, access.KeyLimits{})
	at := d.Now()
	var saving sync.WaitGroup
	for n, on := range all {
		saving.Go(func() {
			for round := range rounds {
				var uses []access.Use
				for key := range int64(keys) {
					for caller := range callers {
						last := at.Add(time.Duration(round*len(all)+n) * time.Second)
						uses = append(uses, access.Use{
							Key: 4090 + key, Day: access.Day(at), Address: fmt.Sprint("192.0.2.", caller), Accepted: 1, LastAt: last, UsedAt: last,
						})
					}
				}
				if n, err := on.SaveUses(t.Context(), uses); err != nil || n != len(uses) {
					t.Errorf("%d written, %v", n, err)
				}
				if err := on.MergeUses(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	saving.Wait()
	d.merge()
	if got, want := d.count(`SELECT sum(accepted) FROM key_days`), len(all)*rounds*keys*callers; got != want {
		t.Errorf("merged are %d uses, not %d", got, want)
	}
	if got := d.count(`SELECT count(*) FROM key_days`); got != keys*callers {
		t.Errorf("in %d rows, not %d", got, keys*callers)
	}
	last := at.Add(time.Duration(rounds*len(all)-1) * time.Second).UnixMicro()
	if got := d.count(fmt.Sprint(`SELECT count(*) FROM last_uses WHERE last_used_at = `, last)); got != keys {
		t.Errorf("%d keys were last used when they were", got)
	}
	if got := d.waiting(); got != 0 {
		t.Errorf("%d uses are left", got)
	}
}
