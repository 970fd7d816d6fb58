package db

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
)

// blockLevel is how many levels of the tree are read at once, with the entries of a whole subtree of that height. There are
// so few hashes above it that they are kept: 64 KiB of a million entries.
const blockLevel = 10

// logReader reads the hashes of the audit log's tree, in a transaction that sees one state.
type logReader struct {
	ctx  context.Context
	tx   *sqlx.Tx
	head access.LogHead
	high map[int64]tlog.Hash // from blockLevel on, by their places in tlog's order
	some block               // that was read last
	last block               // at the end of the log, which every proof takes hashes from
}

// block is the hashes that stand with the entries of a subtree.
type block struct {
	number int64 // from 1
	hashes map[int64][]byte
}

// prove returns the proof of an entry, checked.
func (l *logReader) prove(e storedEntry) (access.Proof, error) {
	leaf, err := e.Entry()
	if err != nil {
		return access.Proof{}, err
	}
	p := access.Proof{Index: e.Number - 1, Entry: leaf, Leaf: tlog.RecordHash(leaf)}
	if p.Path, err = tlog.ProveRecord(l.head.Size, p.Index, l); err != nil {
		return p, err
	}
	_, err = p.Check(l.head.Checkpoint)
	return p, err
}

// ReadHashes returns hashes by their places in tlog's order. The one of level l and number k stands with entry
// (k+1)<<l, after the l that the entry completed before it.
func (l *logReader) ReadHashes(places []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(places))
	for _, place := range places {
		hash, known := l.high[place]
		if !known {
			var err error
			if hash, err = l.readHash(place); err != nil {
				return nil, err
			}
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

func (l *logReader) readHash(place int64) (tlog.Hash, error) {
	level, k := tlog.SplitStoredHashIndex(place)
	number := (k + 1) << level
	with, err := l.hashesWith(number, level)
	if err != nil {
		return tlog.Hash{}, err
	}
	if len(with) < (level+1)*tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("entry %d lacks hashes of the tree", number)
	}
	hash := tlog.Hash(with[level*tlog.HashSize:])
	if level >= blockLevel {
		l.high[place] = hash
	}
	return hash, nil
}

// hashesWith returns the hashes that stand with an entry, of which one of this level is wanted.
func (l *logReader) hashesWith(number int64, level int) (hashes []byte, err error) {
	if level >= blockLevel {
		err = l.tx.GetContext(l.ctx, &hashes, l.tx.Rebind(`SELECT hashes FROM audit WHERE number = ?`), number)
		return hashes, err
	}
	b, at := &l.some, (number-1)>>blockLevel+1
	if at == (l.head.Size-1)>>blockLevel+1 {
		b = &l.last
	}
	if b.number != at {
		b.number, b.hashes = at, map[int64][]byte{}
		err = eachEntry(l.ctx, l.tx, (at-1)<<blockLevel+1, at<<blockLevel, func(e storedEntry) error {
			b.hashes[e.Number] = e.hashes
			return nil
		})
	}
	return b.hashes[number], err
}
