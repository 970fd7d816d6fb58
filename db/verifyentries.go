package db

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
)

// entries reads all entries and checks each.
func (v *logCheck) entries(ctx context.Context, q querier) error {
	return eachEntry(ctx, q, math.MinInt64, math.MaxInt64, v.entry)
}

// entry checks one entry, which comes after the ones before, and takes note of its traces.
func (v *logCheck) entry(e storedEntry) error {
	switch next := v.last + 1; {
	case e.Number <= v.last:
		v.find("there is an entry %d, which comes before the first", e.Number)
		return nil
	case e.Number == next+1:
		v.find("entry %d is missing", next)
		v.gap = true
	case e.Number > next:
		v.find("entries %d to %d are missing", next, e.Number-1)
		v.gap = true
	}
	v.last = e.Number
	if err := v.hashes(e); err != nil {
		return err
	}
	v.traces(e.Change)
	return nil
}

// traces takes note of the traces of an entry.
func (v *logCheck) traces(e access.Change) {
	traces, err := access.ParseTraces(e.Traces)
	if err != nil {
		v.find("entry %d has traces that do not read", e.Number)
		return
	}
	if spelt, err := access.FormatTraces(traces); err != nil || spelt != e.Traces {
		v.find("entry %d has traces in another spelling", e.Number)
	}
	for _, trace := range traces {
		v.trace(e, trace)
	}
}

// hashes compares an entry with its own hash, and has the tree grow by that. The tree is one of the hashes that stand
// there: so it is the altered entry that is named, and not all that come after it.
func (v *logCheck) hashes(e storedEntry) error {
	leaf, err := e.Entry()
	if err != nil {
		return err
	}
	hash := tlog.RecordHash(leaf)
	if len(e.hashes) < tlog.HashSize || string(e.hashes[:tlog.HashSize]) != string(hash[:]) {
		v.find("entry %d (%s) is not as it was written, or its hash is not", e.Number, e.Action)
		if len(e.hashes) >= tlog.HashSize {
			hash = tlog.Hash(e.hashes)
		}
	}
	if v.gap {
		return nil
	}
	tree, completed, err := v.tree.AppendHash(hash)
	if err != nil {
		return fmt.Errorf("entry %d: %w", e.Number, err)
	}
	v.tree = tree
	if string(completed) != string(e.hashes) && len(e.hashes) >= tlog.HashSize {
		v.find("the hashes with entry %d are not those of the entries up to it", e.Number)
	}
	return nil
}
