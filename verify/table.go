// Package verify answers from memory whether a key is good.
package verify

import (
	"crypto/subtle"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/keydesk/keydesk/access"
)

const (
	chunkLen  = 1 << 13 // entries
	maxChunks = 1 << 14 // 134 million keys
	nameChunk = 1 << 16 // bytes of User IDs
	minSlots  = 1 << 10
)

// Table knows every key that was ever made, so that a deactivated one is told from an unknown one. It holds no pointers
// but those to its chunks: the garbage collector has nothing to look at, however many keys there are. Looking takes no
// lock: an entry is written before its number is put into a slot, and of it nothing changes after that but how it
// stands.
type Table struct {
	slots   atomic.Pointer[slots]
	entries [maxChunks]*[chunkLen]entry
	names   [maxChunks]*[nameChunk]byte

	mu    sync.Mutex // held by who changes it
	count int
	top   uint32 // the highest number
	named uint64 // bytes of the names that are taken, those included that are left at the end of a chunk
	last  struct {
		user string
		name name
	}
}

// slots hold the number of an entry, which is the key's, at the place of its hash, or after it; 0 is empty. Above the
// number stands a part of the hash, so that no entry is looked at in vain: that costs more than all the rest. There are
// a power of 2 of them, and twice as many as keys at least.
type slots []uint64

// entry is one key: 64 bytes.
type entry struct {
	hash  [access.HashLen]byte
	id    uuid.UUID
	owner name
	last4 [4]byte
	is    atomic.Uint32 // a standing
}

// name says where a User ID stands: its chunk, and in it the first byte and the length.
type name struct {
	chunk, at uint16
	len       uint32
}

// The standings of an entry.
const (
	absent uint32 = iota // nobody has told of a key of this number
	active
	inactive
	doubtful
)

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{}
	t.slots.Store(new(make(slots, minSlots)))
	return t
}

// Reserve makes room for so many keys. Without it the table makes more as it needs it.
func (t *Table) Reserve(keys int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := minSlots
	for n < 2*keys {
		n *= 2
	}
	if n > len(*t.slots.Load()) {
		t.widen(n)
	}
}

// Len returns how many keys the table knows.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// Find returns the verdict on the key of this hash, and the key unless it is unknown. The verdict is empty as long as
// nobody knows what became of the key.
func (t *Table) Find(hash *[access.HashLen]byte) (access.Verdict, Key) {
	number := t.find(*t.slots.Load(), hash)
	if number == 0 {
		return access.Unknown, Key{}
	}
	e := t.entry(number)
	verdict := [...]access.Verdict{active: access.Accepted, inactive: access.Deactivated, doubtful: ""}[e.is.Load()]
	return verdict, Key{e, number, t.names[e.owner.chunk][e.owner.at:][:e.owner.len]}
}

// Note makes the table say what a change has made of a key. Call it in the order of the changes, before each is
// answered.
func (t *Table) Note(c access.KeyChange) {
	is := doubtful
	switch c.Status {
	case access.Active:
		is = active
	case access.Inactive:
		is = inactive
	}
	id := uuid.MustParse(c.KeyID)
	t.mu.Lock()
	defer t.mu.Unlock()
	if number := t.find(*t.slots.Load(), &c.Hash); number == 0 {
		t.add(c, id, is)
	} else if e := t.entry(number); e.is.Load() != inactive { // which is final
		e.is.Store(is)
	}
}

func (t *Table) add(c access.KeyChange, id uuid.UUID, is uint32) {
	number := uint32(c.Key)
	if chunk := &t.entries[(number-1)/chunkLen]; *chunk == nil {
		*chunk = new([chunkLen]entry)
	}
	t.count++
	t.top = max(t.top, number)
	e := t.entry(number)
	e.hash, e.id, e.owner = c.Hash, id, t.keepName(c.UserID)
	copy(e.last4[:], c.Last4)
	e.is.Store(is)
	if s := *t.slots.Load(); 2*t.count <= len(s) {
		s.place(&e.hash, number)
		return
	}
	t.widen(2 * len(*t.slots.Load()))
}

// widen places every entry anew, in so many slots. Who looks meanwhile does so in the former ones.
func (t *Table) widen(n int) {
	wider := make(slots, n)
	for number := uint32(1); number <= t.top; number++ {
		if t.entries[(number-1)/chunkLen] == nil {
			continue
		}
		if e := t.entry(number); e.is.Load() != absent {
			wider.place(&e.hash, number)
		}
	}
	t.slots.Store(&wider)
}

// keepName returns where the User ID stands. That of the key before is often the same one.
func (t *Table) keepName(user string) name {
	if user == t.last.user && t.named > 0 {
		return t.last.name
	}
	if left := nameChunk - t.named%nameChunk; left < uint64(len(user)) {
		t.named += left
	}
	at := name{chunk: uint16(t.named / nameChunk), at: uint16(t.named % nameChunk), len: uint32(len(user))}
	if t.names[at.chunk] == nil {
		t.names[at.chunk] = new([nameChunk]byte)
	}
	t.named += uint64(copy(t.names[at.chunk][at.at:], user))
	t.last.user, t.last.name = user, at
	return at
}

func (t *Table) entry(number uint32) *entry {
	return &t.entries[(number-1)/chunkLen][(number-1)%chunkLen]
}

// find returns the number of the entry with this hash, or 0. It compares in constant time, though nobody can choose a
// byte of a keyed hash.
func (t *Table) find(s slots, hash *[access.HashLen]byte) uint32 {
	for i := s.first(hash); ; i = s.next(i) {
		slot := atomic.LoadUint64(&s[i])
		if slot == 0 {
			return 0
		}
		number := uint32(slot)
		if slot == marked(hash, number) && subtle.ConstantTimeCompare(t.entry(number).hash[:], hash[:]) == 1 {
			return number
		}
	}
}

// place puts the number of an entry into the first empty slot from the place of its hash on.
func (s slots) place(hash *[access.HashLen]byte, number uint32) {
	i := s.first(hash)
	for atomic.LoadUint64(&s[i]) != 0 {
		i = s.next(i)
	}
	atomic.StoreUint64(&s[i], marked(hash, number))
}

// marked returns the content of the slot of an entry: its number and a part of the hash that does not say where the slot
// is.
func marked(hash *[access.HashLen]byte, number uint32) uint64 {
	return uint64(binary.LittleEndian.Uint32(hash[8:12]))<<32 | uint64(number)
}

// first returns the slot of a hash, whose bits are as good as random.
func (s slots) first(hash *[access.HashLen]byte) int {
	return int(binary.LittleEndian.Uint64(hash[:8]) & uint64(len(s)-1))
}

func (s slots) next(slot int) int { return (slot + 1) & (len(s) - 1) }
