package db_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
)

// killed is a context that keeps what a kill -9 would leave on the disk, each time that somebody looks at it: which the
// program does before every statement. What a process has written is there after it was killed, whether it was synced or not.
type killed struct {
	context.Context
	path string

	mu   sync.Mutex
	over bool // it was opened: what closes it moves the log into the file, which cannot be taken down while it does
	left []leftover
}

// leftover is the database file and its write-ahead log.
type leftover struct{ file, log []byte }

// put writes it down as another database, and returns its path.
func (l leftover) put(t *testing.T) string {
	t.Helper()
	path := dbtest.NewFile(t)
	write(t, path, l.file)
	if l.log != nil {
		write(t, path+"-wal", l.log)
	}
	return path
}

// torn returns what a kill would leave in the middle of a write to the log, here and there.
func (k *killed) torn() (some []leftover) {
	const frame = 24 + page
	last := k.left[len(k.left)-1]
	for at := 1; at < len(last.log); at += max(frame, len(last.log)/20) {
		some = append(some, leftover{last.file, last.log[:at]}, leftover{last.file, last.log[:at/frame*frame+32]})
	}
	return some
}

func (k *killed) Done() <-chan struct{} { k.keep(); return k.Context.Done() }
func (k *killed) Err() error            { k.keep(); return k.Context.Err() }

func (k *killed) keep() {
	k.mu.Lock()
	defer k.mu.Unlock()
	file, err := os.ReadFile(k.path)
	if k.over || err != nil {
		return // or it is not made yet
	}
	log, _ := os.ReadFile(k.path + "-wal") // which is not there all the time
	if n := len(k.left); n == 0 || !bytes.Equal(k.left[n-1].file, file) || !bytes.Equal(k.left[n-1].log, log) {
		k.left = append(k.left, leftover{file, log})
	}
}

// DUR-12: wherever an update from whichever version is killed, the next start finishes it, and nothing is lost.
func TestMigrationThatIsKilledIsFinishedByTheNextStart(t *testing.T) {
	for version := 1; version < dbtest.Versions(t, scripts); version++ {
		t.Run(fmt.Sprintf("from version %d", version), func(t *testing.T) {
			v := newOldVersion(t, version)
			k := &killed{Context: t.Context(), path: v.path}
			v.openedUnder(k)
			steps := map[string]bool{}
			for _, left := range append(k.left, k.torn()...) {
				v.path = left.put(t)
				steps[v.step()] = true
				v.open()
				v.wantKept()
				v.close()
			}
			// Each step is there as a whole or not at all.
			if due := dbtest.Versions(t, scripts) - version; len(steps) != due+1 || len(k.left) < due+1 {
				t.Errorf("%d states, of %d kinds, in %d steps", len(k.left), len(steps), due)
			}
		})
	}
}

// DUR-1, DUR-12: a first start may be killed anywhere too.
func TestFirstStartThatIsKilledIsFinishedByTheNext(t *testing.T) {
	d := &desk{t: t, path: dbtest.NewFile(t), digits: access.NewRootSecret(), operator: access.TheOperator()}
	d.set(time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC))
	k := &killed{Context: t.Context(), path: d.path}
	d.openedUnder(k)
	for _, left := range append(k.left, k.torn()...) {
		d.path = left.put(t)
		d.open()
		d.alice = d.addUser("alice")
		if _, hash := d.makeKey(d.alice); d.verdict(hash) != access.Accepted {
			t.Error("a key that was made is not accepted")
		}
		d.close()
	}
	if len(k.left) <= dbtest.Versions(t, scripts) {
		t.Errorf("only %d states", len(k.left))
	}
}

// step returns how the tables are made, and which migrations were run.
func (v *oldVersion) step() string {
	v.t.Helper()
	conn := dbtest.Open(v.t, v.path)
	defer func() { _ = conn.Close() }()
	return dbtest.Rows(v.t, conn, `SELECT type, name, sql FROM sqlite_master ORDER BY type, name`) +
		dbtest.Rows(v.t, conn, `SELECT version_id FROM goose_db_version ORDER BY id`)
}

// openedUnder opens the database and closes it.
func (d *desk) openedUnder(k *killed) {
	d.t.Helper()
	opened, err := db.Open(k, d.options())
	d.must(err)
	k.mu.Lock()
	k.over = true
	k.mu.Unlock()
	d.must(opened.Close())
}

// expiring is a context that is over once it was looked at so often.
type expiring struct {
	context.Context
	end  context.CancelFunc
	mu   sync.Mutex
	left int
}

func (e *expiring) look() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.left--; e.left == 0 {
		e.end()
	}
}

func (e *expiring) Done() <-chan struct{} { e.look(); return e.Context.Done() }
func (e *expiring) Err() error            { e.look(); return e.Context.Err() }

// DUR-12: an update that is stopped before any of its statements has made whole steps.
func TestMigrationThatIsStoppedMakesWholeSteps(t *testing.T) {
	steps := map[string]bool{}
	for version := 1; version <= dbtest.Versions(t, scripts); version++ {
		v := newOldVersion(t, version)
		steps[v.step()] = true
	}
	stopped := 0
	for looks := 1; ; looks += 17 { // a prime number, so that it is stopped somewhere else each time
		v := newFirstVersion(t)
		ctx, end := context.WithCancel(t.Context())
		opened, err := db.Open(&expiring{Context: ctx, end: end, left: looks}, v.options())
		end()
		if err == nil {
			v.must(opened.Close())
			break
		}
		if stopped++; !steps[v.step()] {
			t.Errorf("stopped after %d looks, it left what no version had", looks)
		}
		v.open()
		v.wantKept()
		v.close()
	}
	if stopped < 20 {
		t.Errorf("it was stopped %d times", stopped)
	}
}
