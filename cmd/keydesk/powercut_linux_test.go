package main

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/provetest"
)

// DUR-2: what was answered outlasts a power cut at any instant, and what was not is whole or absent.
func TestProvePowerCuts(t *testing.T) {
	cuts := 5
	if provetest.Asked() {
		cuts = 300
	}
	began := time.Now()
	p := newPowerCuts(t)
	n := 0
	for ; n < cuts || p.shownLittle(cuts) && n < 10*cuts; n++ {
		p.cut()
	}
	p.start()
	p.checkAll()
	p.end()
	t.Logf("%d power cuts in %v: answered %d keys, %d deactivations, %d changes of a role; lost: %d",
		n, time.Since(began).Round(time.Second), p.made, p.ended, p.roles, p.lost)
	if p.lost > 0 {
		t.Errorf("%d of what was answered is lost", p.lost)
	}
	if p.shownLittle(cuts) {
		t.Error("too few were answered: this shows little")
	}
}

// The power cuts above can show a loss: a database that does not wait for its log loses what was answered.
func TestProvePowerCutsFindALoss(t *testing.T) {
	cuts := 2
	if provetest.Asked() {
		cuts = 10
	}
	p := newPowerCuts(t, synchronous+"=NORMAL")
	n := 0
	for ; n < cuts || p.lost == 0 && n < 10*cuts; n++ {
		p.cut()
		p.start()
	}
	p.end()
	t.Logf("%d power cuts at synchronous=NORMAL: answered %d keys, %d deactivations, %d changes of a role; lost: %d",
		n, p.made, p.ended, p.roles, p.lost)
	if p.lost == 0 {
		t.Error("nothing is lost: the power was not cut")
	}
}

// powerCuts is a desk whose power is cut time and again while people change things, and what they were answered.
type powerCuts struct {
	t       *testing.T
	disk    *loopDisk
	env     []string
	desk    *desk
	process *exec.Cmd
	people  map[string]*visitor

	mu      sync.Mutex
	keys    map[string]fate // by the full key
	latest  []string        // keys since the last cut
	role    string          // of bob, as answered last,
	perhaps string          // or as asked since

	made, ended, roles, lost int
}

// fate is what was answered of a key.
type fate string

const (
	isGood  fate = "good"
	isEnded fate = "deactivated"
	isOne   fate = "good or deactivated"
)

func newPowerCuts(t *testing.T, env ...string) *powerCuts {
	t.Helper()
	p := &powerCuts{
		t: t, disk: newLoopDisk(t, "96M"), keys: map[string]fate{}, role: "user", perhaps: "user", people: map[string]*visitor{},
		env: append(env, "KEYDESK_MAX_KEYS=1000000", "KEYDESK_CREATE_RATE=1000000"),
	}
	p.disk.take(newDeskFolder(t))
	p.start()
	for _, id := range []string{"alice", "root"} {
		p.people[id] = p.desk.signIn(id)
	}
	return p
}

// start starts the desk and checks what was answered since the last cut.
func (p *powerCuts) start() {
	p.t.Helper()
	if p.process != nil && p.process.ProcessState == nil {
		return
	}
	if p.process != nil && slices.Contains(p.env, synchronous+"=NORMAL") { // or the anchor would tell of the loss
		if err := os.Remove(filepath.Join(p.disk.dir, "keydesk.anchor")); err != nil {
			p.t.Fatal(err)
		}
		dbtest.Exec(p.t, filepath.Join(p.disk.dir, "keydesk.db"), `UPDATE audit_head SET anchored = 0`)
	}
	p.desk, p.process = startProcess(p.t, p.disk.dir, p.env...)
	for _, v := range p.people {
		v.desk = p.desk
	}
	p.check(p.latest)
	p.latest = nil
	p.checkRole()
	p.checkWhole()
}

// cut lets people change things for a while, and cuts the power.
func (p *powerCuts) cut() {
	p.t.Helper()
	p.start()
	var changing sync.WaitGroup
	for range 3 {
		changing.Go(func() {
			for p.changeKeys() {
			}
		})
	}
	changing.Go(func() {
		for p.changeRole() {
		}
	})
	time.Sleep(time.Duration(20+rand.IntN(180)) * time.Millisecond) // a different instant each time
	p.disk.cut(p.process)
	changing.Wait()
}

// shownLittle tells whether less was answered than so many cuts leave time for.
func (p *powerCuts) shownLittle(cuts int) bool {
	return p.made < 5*cuts || p.ended < cuts || p.roles < cuts
}

// check counts those of the keys that verify answers otherwise for than their fate is.
func (p *powerCuts) check(secrets []string) {
	p.t.Helper()
	for _, secret := range secrets {
		got := p.desk.verify(secret)
		deactivated := got.status == http.StatusUnauthorized && strings.Contains(got.body, `"deactivated"`)
		switch is := p.keys[secret]; {
		case got.status == http.StatusOK && is != isEnded, deactivated && is != isGood:
		default:
			p.lost++
			delete(p.keys, secret)
		}
	}
}

// checkAll checks the keys of all times.
func (p *powerCuts) checkAll() {
	p.t.Helper()
	var secrets []string
	for secret := range p.keys {
		secrets = append(secrets, secret)
	}
	p.check(secrets)
}

// checkRole counts a role that bob was neither answered nor asked to have.
func (p *powerCuts) checkRole() {
	p.t.Helper()
	is := p.desk.role("bob")
	if is != p.role && is != p.perhaps {
		p.lost++
	}
	p.role, p.perhaps = is, is
}

// checkWhole fails if there is a change without its entry, or an entry without its change.
func (p *powerCuts) checkWhole() {
	p.t.Helper()
	for change, made := range map[string]string{
		`SELECT count(*) FROM audit WHERE action = 'create key'`:         `SELECT count(*) FROM keys`,
		`SELECT count(*) FROM audit WHERE action = 'deactivate own key'`: `SELECT count(*) FROM keys WHERE deactivated_at IS NOT NULL`,
		`SELECT count(*) % 2 FROM audit WHERE action = 'change role'`:    `SELECT count(*) FROM users WHERE id = 'bob' AND role = 'admin'`,
		`SELECT max(number) FROM audit`:                                  `SELECT number FROM audit_head`,
	} {
		if entries, rows := p.desk.count(change), p.desk.count(made); entries != rows {
			p.t.Errorf("%d by %s, but %d by %s", entries, change, rows, made)
		}
	}
}

func (p *powerCuts) end() {
	_ = p.process.Process.Kill()
	_ = p.process.Wait()
}

// DUR-2, DUR-4: what stands in the log after a kill, and was read from there at the next start, outlasts a power cut: it
// was not waited for before the kill, so it is before anybody is told of it.
func TestWhatIsReadAfterAKillOutlastsAPowerCut(t *testing.T) {
	disk := newLoopDisk(t, "48M")
	d := startDesk(t, newDeskFolder(t))
	alice := d.signIn("alice")
	secret, id := alice.newKey()
	d.stop()
	disk.take(d.dir)
	d, process := startProcess(t, disk.dir, neverSynced+"="+filepath.Join(disk.dir, "keydesk.db"))
	alice.desk = d
	if got := alice.post("/profile/keys/"+id+"/deactivate", nil); got.status != http.StatusInternalServerError {
		t.Fatalf("a deactivation whose sync failed is answered with %d", got.status)
	}
	_ = process.Process.Kill()
	_ = process.Wait()
	reader := d.behind() // as `keydesk export` is: without it a look at the log moves it into the database
	var keys int
	if err := reader.QueryRow(`SELECT count(*) FROM keys`).Scan(&keys); err != nil {
		t.Fatal(err)
	}
	d, process = startProcess(t, disk.dir)
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if got := d.verify(secret); got.status != http.StatusUnauthorized {
		t.Fatalf("after the kill verify answers %d: there was nothing in the log", got.status)
	}
	disk.cut(process)
	d, process = startProcess(t, disk.dir)
	if got := d.verify(secret); got.status != http.StatusUnauthorized {
		t.Errorf("the key was said to be deactivated, and after the power cut verify answers %d", got.status)
	}
	_ = process.Process.Kill()
	_ = process.Wait()
}
