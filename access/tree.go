package access

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree is the Merkle tree (RFC 6962) of the audit log as far as it takes to append to it.
type Tree struct {
	Size int64  // entries
	Edge []byte // the hashes of the largest complete subtrees, from left to right
}

// Append returns the tree with one more entry, and the hashes that it completes, the entry's own first: those that tlog
// has stored. It fails if the edge is not one of a tree of this size.
func (t Tree) Append(leaf []byte) (grown Tree, hashes []byte, err error) {
	return t.AppendHash(tlog.RecordHash(leaf))
}

// AppendHash does as Append does, with the hash of the entry.
func (t Tree) AppendHash(leaf tlog.Hash) (grown Tree, hashes []byte, err error) {
	completed, err := tlog.StoredHashesForRecordHash(t.Size, leaf, t)
	if err != nil {
		return Tree{}, nil, err
	}
	for _, h := range completed {
		hashes = append(hashes, h[:]...)
	}
	kept := len(t.Edge) - (len(completed)-1)*sha256.Size // the others are in the last one completed
	last := completed[len(completed)-1]
	return Tree{Size: t.Size + 1, Edge: append(t.Edge[:kept:kept], last[:]...)}, hashes, nil
}

// Root returns the hash of the whole tree.
func (t Tree) Root() (tlog.Hash, error) { return tlog.TreeHash(t.Size, t) }

// ReadHashes returns hashes of the edge by their places in tlog's order.
func (t Tree) ReadHashes(places []int64) ([]tlog.Hash, error) {
	if len(t.Edge) != bits.OnesCount64(uint64(t.Size))*sha256.Size { //nolint:gosec // never negative
		return nil, fmt.Errorf("the edge of a tree of %d entries has %d bytes", t.Size, len(t.Edge))
	}
	hashes := make([]tlog.Hash, 0, len(places))
	for _, place := range places {
		level, n := tlog.SplitStoredHashIndex(place)
		if whole := t.Size >> level; whole&1 == 0 || n != whole-1 {
			return nil, fmt.Errorf("hash %d of level %d is not on the edge of a tree of %d entries", n, level, t.Size)
		}
		before := bits.OnesCount64(uint64(t.Size >> (level + 1))) //nolint:gosec // likewise
		hashes = append(hashes, tlog.Hash(t.Edge[before*sha256.Size:]))
	}
	return hashes, nil
}
