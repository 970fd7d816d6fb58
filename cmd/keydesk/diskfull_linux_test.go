package main

import (
	"net/http"
	"strings"
	"testing"
)

// DUR-3: on a full disk verify and pages answer, and changes say that nothing was changed. All works again once there is
// room, without a restart, and what was used meanwhile is not lost.
func TestProveFullDisk(t *testing.T) {
	times := 2
	if proving() {
		times = 50
	}
	disk := newLoopDisk(t, "48M")
	disk.take(newDeskFolder(t))
	d := startDesk(t, disk.dir, "--max-keys=1000000", "--create-rate=1000000")
	p := newSquad(d)
	p.works()
	for range times {
		empty := fill(t, disk.dir)
		p.useUpTheLog()
		p.onlyReads()
		empty()
		p.works()
	}
	eventually(t, func() bool { return d.accepted(p.goodID) == p.accepted })
	t.Logf("the disk was full %d times: %d verifies of a good key, none refused", times, p.accepted)
	if strings.Contains(d.log.String(), "nothing is written any more") {
		t.Error(d.log)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// useUpTheLog makes keys until there is no room in what SQLite's log has had of the disk before.
func (p *squad) useUpTheLog() {
	p.d.t.Helper()
	for range 1000 {
		got := p.alice.post("/profile/keys", nil)
		if got.status == http.StatusServiceUnavailable {
			p.state = p.d.count(squadState)
			return
		}
		if secret := secretPattern.FindString(got.body); p.d.verify(secret).status != http.StatusOK {
			p.d.t.Fatalf("a key that was made on a full disk: %d", got.status)
		}
	}
	p.d.t.Fatal("the disk is not full")
}
