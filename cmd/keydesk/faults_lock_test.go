//go:build unix

package main

import "testing"

// DUR-11: no other process writes the database of one that is at work, though it stands still. A kill frees it at once.
func TestKilledProcessFreesTheDatabase(t *testing.T) {
	c := newAlone(t, 2, 1)
	at := c.instances[0]
	t.Setenv(secretVariable, c.secret)
	key := at.mustCreate(1)[0]
	inUse := func() {
		t.Helper()
		for _, args := range [][]string{
			{"serve", "--addr=127.0.0.1:0"}, {"user", "add", "carol", "--role=user", "--password-stdin"}, {"user", "reset", "person0"},
			{"user", "disable", "person0"},
		} {
			refused(t, 1, "another keydesk process", append(args, "--database="+at.database)...)
		}
	}
	inUse()
	at.pause()
	inUse()
	at.resume()
	at.mustAccept(key)
	at.kill()
	if code, _, complaint := command(t, "", "user", "disable", "person0", "--database="+at.database); code != 0 {
		t.Errorf("after the kill: %d %s", code, complaint)
	}
	at.restart()
	at.mustRefuse(key)
	inUse()
}
