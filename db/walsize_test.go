package db_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/dbtest"
	"github.com/keydesk/keydesk/db/provetest"
)

// mostWAL is how many bytes SQLite's write-ahead log may have.
const mostWAL = 64 << 20

// DOS-8: while somebody takes their time over a report, here or beside the server, the write-ahead log goes on to be moved into
// the database. At length, changes of many times its limit are made meanwhile.
func TestProveSlowReadersKeepTheLogShort(t *testing.T) {
	d, made := filled(t, 40, longExport, 1)
	d.add(access.Person{UserID: "root", Role: access.Admin})
	beside, err := db.OpenToRead(t.Context(), d.path, d.Now)
	d.must(err)
	defer func() { d.must(beside.Close()) }()
	begun, finish, gone := make(chan struct{}), make(chan struct{}), errors.New("hung up")
	ended := make(chan error, 2)
	for reader, actor := range map[*db.DB]access.Actor{d.DB: d.root, beside: d.operator} {
		go func() {
			first := true
			ended <- reader.Export(t.Context(), actor, "", db.Export{
				Begin: nothing, Row: func(part []byte, _ access.Key) []byte { return append(part, 'x') },
				Write: func([]byte, int) error {
					if first {
						first = false
						begun <- struct{}{}
						<-finish
						return nil
					}
					return gone
				},
			})
		}()
	}
	for range 2 {
		select {
		case <-begun:
		case err := <-ended:
			t.Fatalf("a report ended with %v", err)
		}
	}
	conn := dbtest.Open(t, d.path)
	defer func() { _ = conn.Close() }()
	busy := 1
	for deadline := time.Now().Add(20 * time.Second); busy > 0; {
		var pages, moved int
		d.must(conn.QueryRow(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved))
		if time.Now().After(deadline) {
			t.Fatal("a read goes on while nobody takes what was read")
		}
	}
	most, longest, first := 100, int64(0), int64(0)
	if provetest.Asked() {
		most = 20_000
	}
	maker := access.Actor{UserID: made[0].UserID, Role: access.User}
	began := lengthOf(t, d.path+"-wal")
	for i := range most {
		at := d.Now().Add(time.Duration(i) * time.Second)
		var uses []access.Use
		for _, m := range made[i%100*100:][:20] {
			uses = append(uses, access.Use{Key: m.Number, Day: access.Day(at), Service: "api", Accepted: 1, LastAt: at, UsedAt: at})
		}
		_, err := d.SaveUses(t.Context(), uses)
		d.must(err)
		key, _ := d.makeKey(maker)
		d.deactivate(maker, key.ID)
		longest = max(longest, lengthOf(t, d.path+"-wal"))
		if i == 49 { // before it was moved for the first time
			first = (longest - began) / 50
		}
	}
	t.Logf("%d rounds of %d bytes of log or more each; it was %.1f MB at its longest", most, first, float64(longest)/1e6)
	if longest > mostWAL {
		t.Errorf("the log has %d bytes", longest)
	}
	close(finish)
	for range 2 {
		if err := <-ended; !errors.Is(err, gone) {
			t.Errorf("a report ended with %v", err)
		}
	}
}

func lengthOf(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
