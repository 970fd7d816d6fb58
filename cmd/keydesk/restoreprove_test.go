package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/db/provetest"
)

// restoreCycles are backups, changes and restores in a random order, in which every answer about every key is kept.
type restoreCycles struct {
	t       *testing.T
	random  *rand.Rand
	good    map[string]string // ids of keys that were never deactivated, by secret
	ended   map[string]bool   // secrets of keys whose deactivation was answered
	refused int               // starts that were refused until the loss was accepted
	asked   int               // verifies
}

// DUR-8, DUR-10: however often a desk is set back, and whatever was done since, no key verifies whose deactivation was
// answered, and each other one does that the backup has.
func TestProveRestoredKeysStayDead(t *testing.T) {
	cycles := 4
	if provetest.Asked() {
		cycles = 200
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	c := &restoreCycles{
		t: t, random: rand.New(rand.NewPCG(seed, 1)), good: map[string]string{}, ended: map[string]bool{},
	}
	d := newDesk(t, "--create-rate=100000", "--max-keys=100000")
	began := time.Now()
	for i := range cycles {
		d = c.cycle(d, i%2 == 0)
	}
	t.Logf("%d cycles in %s, %d refused until the loss was accepted: %d keys deactivated, %d verifies", cycles,
		time.Since(began).Round(time.Millisecond), c.refused, len(c.ended), c.asked)
	if c.refused < cycles/2 || len(c.ended) < cycles {
		t.Errorf("only %d keys were deactivated, and %d starts refused: this shows little", len(c.ended), c.refused)
	}
}

// cycle backs the desk up, changes something, restores the backup in a folder of its own, and returns the desk there. What
// it changes are only deactivations, or other things too, which are lost.
func (c *restoreCycles) cycle(d *desk, only bool) *desk {
	c.t.Helper()
	v := d.signIn("alice")
	for range 1 + c.random.IntN(4) {
		c.makeKey(v)
	}
	backup := d.backup()
	inBackup := slices.Collect(func(yield func(string) bool) {
		for secret := range c.good {
			if !yield(secret) {
				return
			}
		}
	})
	for range 1 + c.random.IntN(4) {
		if !only {
			c.makeKey(v)
		}
		c.deactivateOne(v)
	}
	c.endOrKill(d)
	dir := d.restored(backup, "keydesk.anchor")
	d = c.start(dir)
	for secret := range c.ended {
		c.asked++
		if got := d.verify(secret); got.status != http.StatusUnauthorized {
			c.t.Fatalf("a key that was deactivated is answered with %d %s", got.status, got.body)
		}
	}
	kept := map[string]string{}
	for _, secret := range inBackup {
		if c.ended[secret] {
			continue
		}
		c.asked++
		if got := d.verify(secret); got.status != http.StatusOK {
			c.t.Fatalf("a key of the backup is answered with %d %s", got.status, got.body)
		}
		kept[secret] = c.good[secret]
	}
	c.good = kept
	return d
}

// endOrKill ends the desk, and then, at times, leaves a torn line in its anchor.
func (c *restoreCycles) endOrKill(d *desk) {
	d.stop()
	if c.random.IntN(3) > 0 {
		return
	}
	f, err := os.OpenFile(filepath.Join(d.dir, "keydesk.anchor"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"entry":{"number":99`)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	_ = f.Close()
}

func (c *restoreCycles) makeKey(v *visitor) {
	secret, id := v.newKey()
	c.good[secret] = id
}

func (c *restoreCycles) deactivateOne(v *visitor) {
	c.t.Helper()
	for secret, id := range c.good {
		if got := v.post("/profile/keys/"+id+"/deactivate", nil); got.status != http.StatusSeeOther {
			c.t.Fatalf("deactivate: %d %s", got.status, got.body)
		}
		delete(c.good, secret)
		c.ended[secret] = true
		return
	}
}

// start starts the desk, and accepts what it says is lost.
func (c *restoreCycles) start(dir string) *desk {
	c.t.Helper()
	flags := []string{"--create-rate=100000", "--max-keys=100000"}
	code, _, complaint := command(c.t, "", "user", "reset", "alice", "--database="+filepath.Join(dir, "keydesk.db"))
	if code != 0 {
		c.refused++
		_, name, found := strings.Cut(complaint, "--accept-loss ")
		if !found {
			c.t.Fatal(complaint)
		}
		name, _, _ = strings.Cut(name, ",")
		flags = append(flags, "--accept-loss="+name)
	}
	return startDesk(c.t, dir, flags...)
}

// TestProveRestore measures how long it takes to come back from a backup: a desk of made-up keys is backed up while keys are
// made and verified, and restored on a clean host, until the first key verifies.
func TestProveRestore(t *testing.T) {
	keys := 2000
	if provetest.Asked() {
		keys = 1_000_000
	}
	dir := t.TempDir()
	database, list := filepath.Join(dir, "keydesk.db"), filepath.Join(dir, "keys")
	took := func(what string, args ...string) time.Duration {
		t.Helper()
		began := time.Now()
		run := exec.Command(os.Args[0], args...)
		run.Env = append(os.Environ(), asProgram+"=1")
		run.Stdin = strings.NewReader(password)
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v %s", what, err, out)
		}
		took := time.Since(began).Round(time.Millisecond)
		t.Logf("%s: %s\n%s", what, took, out)
		return took
	}
	took("demo-data", "demo-data", fmt.Sprint("--keys=", keys), fmt.Sprint("--users=", keys/100), "--secrets="+list, "--database="+database)
	took("user add", "user", "add", "zz-alice", "--role=user", "--password-stdin", "--database="+database)
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	secrets := strings.Fields(string(text))
	t.Setenv("KEYDESK_CREATE_RATE", "1000000")
	d, process := startProcess(t, dir)
	backup := filepath.Join(t.TempDir(), "backup.db")
	load := newRestoreLoad(d, secrets)
	quiet := load.during(func() { time.Sleep(2 * time.Second) })
	busy := load.during(func() { took("backup", "backup", backup, "--database="+database) })
	t.Logf("keys made a second and the slowest, verifies a second and the slowest: before %s; during the backup %s", quiet, busy)
	dead, id := load.v.newKey() // after the backup: it is lost, and so is what follows
	load.v.post("/profile/keys/"+id+"/deactivate", nil)
	_ = process.Process.Kill()
	_ = process.Wait()

	clean := t.TempDir()
	for _, name := range []string{"keydesk.secret", "keydesk.anchor"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		mustWrite(t, filepath.Join(clean, name), string(content))
	}
	began := time.Now()
	took("restore", "restore", backup, "--database="+filepath.Join(clean, "keydesk.db"))
	_, _, complaint := command(t, "", "user", "reset", "zz-alice", "--database="+filepath.Join(clean, "keydesk.db"))
	t.Log(complaint)
	_, name, _ := strings.Cut(complaint, "--accept-loss ")
	name, _, _ = strings.Cut(name, ",")
	t.Setenv("KEYDESK_ACCEPT_LOSS", name)
	starting := time.Now()
	d, process = startProcess(t, clean)
	if got := d.verify(secrets[0]); got.status != http.StatusOK {
		t.Errorf("the first key is answered with %d", got.status)
	}
	t.Logf("start to first verify: %s; from the restore's begin: %s", time.Since(starting).Round(time.Millisecond),
		time.Since(began).Round(time.Millisecond))
	if got := d.verify(dead); got.status != http.StatusUnauthorized {
		t.Errorf("the key that was made since is answered with %d", got.status)
	}
	wrong := 0
	for i := 0; i < len(secrets); i += 1 + len(secrets)/2_000 {
		if got := d.verify(secrets[i]); got.status != http.StatusOK {
			wrong++
		}
	}
	if wrong > 0 {
		t.Errorf("%d keys are not known any more", wrong)
	}
	_ = process.Process.Kill()
	_ = process.Wait()
}
