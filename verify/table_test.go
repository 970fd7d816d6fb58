package verify_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/verify"
)

// made returns the change that made the n-th key.
func made(n int) access.KeyChange {
	c := access.KeyChange{
		KeyID: uuid.Must(uuid.NewV7()).String(), Key: int64(n) + 1, UserID: fmt.Sprintf("user-%d", n/3), Last4: fmt.Sprintf("%04d", n%10000),
		Status: access.Active,
	}
	random := rand.NewChaCha8([32]byte{1, byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = random.Read(c.Hash[:])
	return c
}

func deactivated(c access.KeyChange) access.KeyChange {
	c.Status = access.Inactive
	return c
}

// check fails the test unless the table says this of the key.
func check(t *testing.T, table *verify.Table, c access.KeyChange, want access.Verdict) {
	t.Helper()
	verdict, key := table.Find(&c.Hash)
	if verdict != want {
		t.Fatalf("key %s of %s is %q, want %q", c.KeyID, c.UserID, verdict, want)
	}
	if want == access.Unknown {
		if key.ID() != "" {
			t.Fatalf("an unknown key is %s", key.ID())
		}
		return
	}
	user, masked := string(key.AppendUserID(nil)), string(key.AppendMasked(nil))
	if key.ID() != c.KeyID || user != c.UserID || masked != access.Mask(c.Last4) {
		t.Fatalf("got %s of %s, %s, want %+v", key.ID(), user, masked, c)
	}
}

// KEY-8: a table that grows many times knows every key, and tells those that were deactivated from those that never were.
func TestTableKnowsEveryKey(t *testing.T) {
	const keys = 40_000
	table := verify.NewTable()
	changes := make([]access.KeyChange, keys)
	for i := range changes {
		changes[i] = made(i)
		check(t, table, changes[i], access.Unknown)
		table.Note(changes[i])
		check(t, table, changes[i], access.Accepted)
	}
	for i := 0; i < keys; i += 7 {
		table.Note(deactivated(changes[i]))
		table.Note(changes[i]) // nothing brings it back
	}
	for i, c := range changes {
		if i%7 == 0 {
			check(t, table, c, access.Deactivated)
		} else {
			check(t, table, c, access.Accepted)
		}
	}
	if table.Len() != keys {
		t.Errorf("%d keys", table.Len())
	}
}

// Keys that fall into one slot, or agree in all but the last byte, are different keys.
func TestTableTellsApartWhatFallsTogether(t *testing.T) {
	table := verify.NewTable()
	changes := make([]access.KeyChange, 300)
	for i := range changes {
		changes[i] = made(i)
		changes[i].Hash = [access.HashLen]byte{}
		binary.BigEndian.PutUint16(changes[i].Hash[30:], uint16(i))
		if i < 200 {
			table.Note(changes[i])
		}
	}
	for i, c := range changes {
		if i < 200 {
			check(t, table, c, access.Accepted)
		} else {
			check(t, table, c, access.Unknown)
		}
	}
}

// VER-7: a key is in doubt until somebody knows; a deactivation is final all the same.
func TestKeyInDoubtIsNeitherGoodNorBad(t *testing.T) {
	table, c := verify.NewTable(), made(1)
	table.Note(c)
	doubt := c
	doubt.Status = ""
	table.Note(doubt)
	check(t, table, c, "")
	table.Note(c)
	check(t, table, c, access.Accepted)
	table.Note(doubt)
	table.Note(deactivated(c))
	check(t, table, c, access.Deactivated)
	table.Note(doubt)
	check(t, table, c, access.Deactivated)
}

func TestReservedRoomChangesNoAnswer(t *testing.T) {
	table := verify.NewTable()
	one := made(1)
	table.Note(one)
	for _, keys := range []int{0, 10, 5000, 100_000, 3} {
		table.Reserve(keys)
		check(t, table, one, access.Accepted)
		check(t, table, made(2), access.Unknown)
	}
}

// KEY-8: under changes at once, nobody who looks after an answer is told what was before it.
func TestChangesHoldForWhoLooksAfterThem(t *testing.T) {
	const writers, each = 4, 3000
	table := verify.NewTable()
	steady := made(1_000_000)
	table.Note(steady)
	stop := make(chan struct{})
	var readers, changing sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if verdict, _ := table.Find(&steady.Hash); verdict != access.Accepted {
						t.Errorf("the steady key is %q", verdict)
						return
					}
				}
			}
		})
	}
	for w := range writers {
		changing.Go(func() {
			for i := range each {
				c := made(w*each + i)
				table.Note(c)
				if verdict, key := table.Find(&c.Hash); verdict != access.Accepted || key.ID() != c.KeyID {
					t.Errorf("a new key is %q", verdict)
				}
				table.Note(deactivated(c))
				if verdict, _ := table.Find(&c.Hash); verdict != access.Deactivated {
					t.Errorf("a deactivated key is %q", verdict)
				}
			}
		})
	}
	changing.Wait()
	close(stop)
	readers.Wait()
}

func BenchmarkFind(b *testing.B) {
	const keys = 1_000_000
	table := verify.NewTable()
	table.Reserve(keys)
	hashes := make([][access.HashLen]byte, keys)
	for i := range hashes {
		c := made(i)
		hashes[i] = c.Hash
		table.Note(c)
	}
	order := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		if verdict, _ := table.Find(&hashes[order.IntN(keys)]); verdict != access.Accepted {
			b.Fatal(verdict)
		}
	}
}
