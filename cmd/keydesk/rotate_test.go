//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db/provetest"
)

// TestProveRotation rotates secrets while 8 verify keys old and new, others make and deactivate them, and people browse
// in their sessions: no verify fails (in the short form not for long), no change fails, and no session is lost. SEC-2, SES-8
func TestProveRotation(t *testing.T) {
	brief(t)
	t.Run("one server on SQLite", func(t *testing.T) {
		c := newFileCluster(t, 4)
		c.proveRotation(oneOf(6, 100), "", "pepper", "session", "signing", "root", "pepper session signing")
	})
	t.Run("three instances on PostgreSQL", func(t *testing.T) {
		c := newCluster(t, 4)
		c.start(3)
		c.proveRotation(oneOf(4, 100), "pepper", "session", "signing", "pepper session signing")
	})
}

// proveRotation does it so many times, in turn of what is named.
func (c *cluster) proveRotation(times int, what ...string) {
	t := c.t
	t.Helper()
	c.signIn()
	c.patience = 10 * time.Second // a machine with more to do than this test is slow, which is no failure
	b, l := c.browse(), c.begin(2, 8, breath)
	began := time.Now()
	var took []time.Duration
	for n := range times {
		time.Sleep(oneOf(2*time.Second, time.Second)) // instances look for new secrets once a second, and are to use these for a while
		at := time.Now()
		c.rotate(strings.Fields(what[n%len(what)])...)
		took = append(took, time.Since(at))
	}
	peppers := c.count(`SELECT count(*) FROM secrets WHERE kind = 'pepper'`)
	until(t, "keys are made under the newest pepper", func() bool {
		return c.count(`SELECT count(*) FROM keys WHERE pepper_id = (SELECT max(id) FROM secrets WHERE kind = 'pepper')`) > 0
	})
	l.end()
	b.end()
	c.wantAll(l)
	c.cookies = map[string]string{}
	c.signIn() // at one, with the key of new cookies, which all open
	c.wantAll(l)
	t.Logf("%d rotations in %s, %s at most each: %d keys made, %d deactivated, %d verifies, %d pages; %d verifies without an answer, "+
		"%d changes refused, %d unsure, %d sessions lost; keys under %d of %d peppers", times, time.Since(began).Round(time.Second), longest(took),
		l.count.created.Load(), l.count.deactivated.Load(), l.count.verified.Load(), b.pages, l.count.silent.Load(),
		l.count.unchanged.Load(), l.count.unsure.Load(), len(b.wrong), c.count(`SELECT count(DISTINCT pepper_id) FROM keys`), peppers)
	if n := l.count.unchanged.Load() + l.count.unsure.Load(); n > 0 || len(b.wrong) > 0 {
		t.Errorf("%d changes failed, and of the pages %q", n, b.wrong)
	}
	allowed := 0
	if c.primary != nil && !provetest.Asked() { // a machine with other work may stand still for so long that leases lapse
		allowed = len(c.instances)
	}
	longest, _ := l.waits.longest()
	if silences := l.waits.silences(); silences > allowed || longest > 10*time.Second {
		t.Errorf("verifies failed %d times, for up to %s, the last %s", silences, longest, l.silence)
	}
	if l.count.created.Load() < 10 || l.count.verified.Load() < 100 || b.pages < 100 {
		t.Error("so little was asked that this shows nothing")
	}
	n := l.leaveOutRetired()
	t.Logf("%d verifies of deactivated keys were answered as unknown, because their pepper was retired", n)
	l.mustBeOneDesk()
	if made := c.count(`SELECT count(*) FROM audit WHERE action = 'rotate secrets'`); made != times {
		t.Errorf("%d rotations have %d entries", times, made)
	}
}

// TestProveRootRotation rotates the root secret of three instances behind nginx, in the order that docs/secrets.md gives,
// while a key is verified at a steady rate: none fails, and no session is lost. SEC-2
func TestProveRootRotation(t *testing.T) {
	brief(t)
	c := newCluster(t, 2)
	f := newFront(t, exampleHost, 3)
	for n := range f.desks {
		c.add(&relays{t: t}, c.servers("127.0.0.1")[0])
		c.instances[n].pages = f.desks[n]
	}
	f.start((*front).nginx)
	c.launchAll()
	c.signIn()
	s := &steady{f: f, secret: c.instances[0].mustCreate(1)[0].secret}
	var asking sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	asking.Go(func() { s.ask(ctx) })
	for range oneOf(1, 10) {
		c.previous, c.secret = c.secret, access.NewRootSecret()
		c.restartAll()
		if said := c.rotate(); !strings.Contains(said, "secrets are sealed under") {
			t.Errorf("it says %s", said)
		}
		c.previous = ""
		c.restartAll()
		c.rotate("pepper", "session", "signing")
		c.wantAll(&load{c: c})
	}
	stop()
	asking.Wait()
	t.Logf("%d rotations of the root secret, with two rolling restarts each: %d verifies, %d failed; p50 %s, p99 %s, the longest %s", oneOf(1, 10),
		len(s.took), len(s.failed), quantile(s.took, 0.5).Round(time.Microsecond), quantile(s.took, 0.99).Round(time.Microsecond), longest(s.took))
	if len(s.failed) > 0 {
		t.Errorf("failed: %q", s.failed[:min(len(s.failed), 10)])
	}
}

// restartAll starts the instances again in turn.
func (c *cluster) restartAll() {
	c.t.Helper()
	for _, i := range c.instances {
		i.terminate()
		i.restart()
	}
}

// SEC-2: instances that do not have the new root secret yet go on with what they know. They never say of a key that it is
// unknown when it may be one that they cannot recognise, and are right again once they have the secret.
func TestInstanceWithoutTheNewRootSecretIsNeverWrong(t *testing.T) {
	brief(t)
	c := newCluster(t, 1)
	c.start(2)
	c.signIn()
	old, behind := c.instances[0].mustCreate(1)[0], c.instances[1]
	c.previous, c.secret = c.secret, access.NewRootSecret()
	c.instances[0].terminate()
	c.instances[0].restart()
	c.rotate("root")
	c.rotate("pepper")
	var fresh provedKey
	until(t, "a key is made under the new pepper", func() bool {
		fresh = c.instances[0].mustCreate(1)[0]
		return c.count(`SELECT count(*) FROM keys WHERE pepper_id = (SELECT max(id) FROM secrets WHERE kind = 'pepper')`) > 0
	})
	for secret, want := range map[string]verdict{old.secret: good, fresh.secret: none} {
		ask := behind.says
		if want == none {
			ask = func(secret string) verdict { return behind.judge(secret, 5*time.Second) }
		}
		if says := ask(secret); says != want {
			t.Errorf("it says %q, not %q", says, want)
		}
	}
	if got := behind.get("/readyz", changeTime).status; got != 200 {
		t.Errorf("it is not ready: %d", got)
	}
	behind.terminate()
	behind.restart()
	if says := behind.says(fresh.secret); says != good {
		t.Errorf("with the secret it says %q", says)
	}
}

// SEC-2, DUR-1: wherever the rotation of the root secret is cut short, the next command ends it or begins it anew.
func TestRootRotationThatIsCutShortIsMended(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file, before string){
		"the new one half written": func(t *testing.T, file, _ string) { mustWrite(t, file+".new", "abcd") },
		"the new one written":      func(t *testing.T, file, _ string) { mustWrite(t, file+".new", access.NewRootSecret()+"\n") },
		"everything sealed": func(t *testing.T, file, _ string) {
			mustRotateRoot(t, file)
			mustRename(t, file, file+".new")
			mustRename(t, file+".previous", file)
		},
		"the former one half written": func(t *testing.T, file, before string) {
			mustRotateRoot(t, file)
			mustRename(t, file, file+".new")
			mustWrite(t, file, before)
			mustWrite(t, file+".previous", before[:10])
		},
		"the former one written": func(t *testing.T, file, before string) {
			mustRotateRoot(t, file)
			mustRename(t, file, file+".new")
			mustWrite(t, file, before)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			secret, _ := d.signIn("alice").newKey()
			file := secretOf(d.dir + "/keydesk.db")
			before := contentOf(t, file)
			spoil(t, file, before)
			d.verify(secret) // which a running server does as before
			if code := d.stop(); code != 0 {
				t.Fatal(code, d.log)
			}
			d = startDesk(t, d.dir)
			if got := d.verify(secret); got.status != 200 {
				t.Errorf("the key: %d", got.status)
			}
			_ = os.Remove(file + ".previous")
			mustRotateRoot(t, file)
			if _, err := os.Stat(file + ".new"); err == nil {
				t.Error("the new one is left behind")
			}
			if now := contentOf(t, file); now == before || contentOf(t, file+".previous") == now {
				t.Error("it was not rotated")
			}
		})
	}
}

// TestProveKilledRotation kills rotations of all secrets beside a running server: each has happened or not. SEC-2, DUR-1
func TestProveKilledRotation(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.signIn("alice").newKey()
	file := secretOf(d.dir + "/keydesk.db")
	became, whole := map[string]int{}, time.Duration(0)
	rounds := oneOf(20, 300)
	n := 0
	for ; n < rounds || len(became) < 2 && n < 3*rounds; n++ {
		_ = os.Remove(file + ".previous")
		before, entries := contentOf(t, file), d.count(`SELECT count(*) FROM audit WHERE action = 'rotate secrets'`)
		p, began := asProcess("secret", "rotate", "--database="+d.dir+"/keydesk.db"), time.Now()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		switch {
		case n >= rounds: // the first one was no measure: from a sixteenth to four times as long
			time.AfterFunc(whole<<(n%7)/16, func() { _ = p.Process.Kill() })
		case n > 0: // the first one tells how long it takes
			time.AfterFunc(whole/4+whole*time.Duration(n)/time.Duration(rounds), func() { _ = p.Process.Kill() })
		}
		if err := p.Wait(); n == 0 {
			if whole = time.Since(began); err != nil {
				t.Fatal(err)
			}
		}
		_, left := os.Stat(file + ".new")
		sealed := d.count(`SELECT count(*) FROM audit WHERE action = 'rotate secrets'`) - entries
		became[fmt.Sprintf("sealed anew %t, a new file left %t", sealed == 1, left == nil)]++
		if code, _, complaint := command(t, "", "secret", "rotate", "session", "--database="+d.dir+"/keydesk.db"); code != 0 {
			t.Fatalf("after the kill: %s", complaint)
		}
		if turned := contentOf(t, file) != before; turned != (sealed == 1) {
			t.Fatalf("sealed anew %d times, but the secret turned: %t", sealed, turned)
		}
		if got := d.verify(secret); got.status != 200 {
			t.Fatalf("the key: %d", got.status)
		}
	}
	t.Logf("%d rotations of a running server's secrets, killed: %v", n, became)
	if len(became) < 2 {
		t.Error("all were killed alike, so that this shows little")
	}
	if code := d.stop(); code != 0 {
		t.Fatal(code, d.log)
	}
	if got := startDesk(t, d.dir).verify(secret); got.status != 200 {
		t.Errorf("the key: %d", got.status)
	}
}
