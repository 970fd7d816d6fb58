package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/disktest"
	"github.com/keydesk/keydesk/db/provetest"
)

// faults are the ways in which a disk fails at one step of a change. Of a write some, all or nothing may be there after all.
var faults = []disktest.Fault{
	{Op: disktest.Write, File: disktest.Either, As: disktest.EIO},
	{Op: disktest.Write, File: disktest.Either, As: disktest.EIO, Part: 50},
	{Op: disktest.Write, File: disktest.Either, As: disktest.EIO, Part: 100},
	{Op: disktest.Write, File: disktest.Either, As: disktest.EIO, On: true},
	{Op: disktest.Write, File: disktest.Either, As: disktest.ENOSPC, Part: 50},
	{Op: disktest.Write, File: disktest.Either, As: disktest.ENOSPC, On: true},
	{Op: disktest.Sync, File: disktest.Either, As: disktest.EIO},
	{Op: disktest.Sync, File: disktest.Either, As: disktest.EIO, On: true},
	{Op: disktest.Extend, File: disktest.Either, As: disktest.ENOSPC},
	{Op: disktest.Truncate, File: disktest.Either, As: disktest.EIO},
}

// DUR-4, DUR-3: whatever step of whatever change the disk fails at, the person is told what became of the change, or that
// nobody knows, and a kill and a restart show that to be true. Verify says what the database says. After an error of the
// disk nothing more is written; after a full disk everything is, without a restart.
func TestProveDiskErrors(t *testing.T) {
	o := newOriginal(t)
	prove, told := provetest.Asked(), map[string]int{}
	for i, c := range changes {
		for _, f := range faults {
			steps := o.steps(c, f)
			for n := 1; n <= steps; n++ {
				if !prove && !short(f, i, n, steps) {
					continue
				}
				f.Nth = n
				t.Run(fmt.Sprintf("%s/%s at %d", c.name, f, n), func(t *testing.T) {
					told[f.As+" at "+string(f.Op)+": "+o.fails(t, c, f)]++
				})
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(told)) {
		t.Logf("%s: %d", what, told[what])
	}
}

// short tells whether a step is of the short form: each sync of each change, and some of the many writes.
func short(f disktest.Fault, change, n, steps int) bool {
	return !f.On && f.Part != 100 && (f.Op != disktest.Write || n == steps || change < 2 && n%4 == 0)
}

// fails makes the change on a desk whose disk fails, looks at what is there after a kill, and returns what was answered.
func (o *original) fails(t *testing.T, c kindOfChange, f disktest.Fault) (outcome string) {
	d := o.copy(t)
	disk := disktest.Fail(t, d.path, f)
	outcome = c.outcome(c.make(o, d.as(o)))
	if disk.Met() == 0 {
		t.Fatal("the disk did not fail")
	}
	d.verifiesAsItSays(o, c, outcome)
	after := d.killed(o)
	if !f.On || f.As != disktest.EIO {
		disk.Mend()
	}
	d.goesOnOnlyIfTheDiskDoes(f)
	after.holds(o, c, outcome)
	return outcome
}

// What became of a change.
const (
	isDone   = "done"
	isAbsent = "nothing was changed"
	isUnsure = "not known"
)

// outcome returns what the person is told.
func (c kindOfChange) outcome(got reply) string {
	got.t.Helper()
	if got.status == c.done {
		return isDone
	}
	switch main := text(one(got.t, got.page(), tag("main"))); {
	case got.status == http.StatusServiceUnavailable && strings.Contains(main, "Nothing was changed."):
		return isAbsent
	case got.status == http.StatusInternalServerError && strings.Contains(main, "Whether anything was changed is not known"):
		return isUnsure
	}
	got.t.Fatalf("answered %d: %.300s", got.status, got.body)
	return ""
}

// verifiesAsItSays checks what verify answers for a key that nothing was done to, and for the one of the change.
func (d *desk) verifiesAsItSays(o *original, c kindOfChange, outcome string) {
	d.t.Helper()
	d.caller().with("X-API-Key", o.secrets["erin"]).get("/api/v1/verify").is(http.StatusOK)
	if c.ends == "" {
		return
	}
	got := d.caller().with("X-API-Key", o.secrets[c.ends]).get("/api/v1/verify").status
	says := http.StatusOK
	if value[bool](d, `SELECT deactivated_at IS NOT NULL FROM keys WHERE id = ?`, o.ids[c.ends]) {
		says = http.StatusUnauthorized
	}
	if got != says && (got != http.StatusServiceUnavailable || outcome != isUnsure) {
		d.t.Errorf("verify answers %d and the database says %d, when the change is %s", got, says, outcome)
	}
}

// goesOnOnlyIfTheDiskDoes checks that nothing is written after an error of the disk, and all is after a full one.
func (d *desk) goesOnOnlyIfTheDiskDoes(f disktest.Fault) {
	d.t.Helper()
	ready := d.visitor().get("/readyz").status
	err := d.addFrank()
	if f.As == disktest.ENOSPC {
		if err != nil || ready != http.StatusOK {
			d.t.Errorf("once there is room: %v, ready: %d", err, ready)
		}
		return
	}
	if !errors.Is(err, db.ErrStopped) || !errors.Is(err, access.ErrUnsaved) || ready != http.StatusServiceUnavailable {
		d.t.Errorf("after an error of the disk: %v, ready: %d", err, ready)
	}
	d.caller().with("X-API-Key", "kd_"+strings.Repeat("0", 38)).get("/api/v1/verify").is(http.StatusUnauthorized)
}

// addFrank makes another change.
func (d *desk) addFrank() error {
	return d.db.AddUser(context.Background(), access.TheOperator(), access.Person{UserID: "frank", Role: access.User}, "none")
}

// holds checks what is there after a kill and a restart: the change whole, or nothing of it, and what was answered.
func (d *desk) holds(o *original, c kindOfChange, outcome string) {
	d.t.Helper()
	also := c.also
	if also == "" {
		also = `SELECT count(*) FROM audit WHERE action = '` + c.name + `'`
	}
	done, written := value[int](d, c.rows)-o.before[c.rows], value[int](d, also)-o.before[also]
	switch {
	case done == 1 && written == 1 && outcome != isAbsent:
	case done == 0 && written == 0 && outcome != isDone && d.everything() == o.content:
	default:
		d.t.Errorf("the change is %s, but after a restart there is %d of it, and %d written down", outcome, done, written)
	}
	d.verifiesAsItSays(o, c, outcome)
	if err := d.addFrank(); err != nil {
		d.t.Errorf("after a restart: %v", err)
	}
}
