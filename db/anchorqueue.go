package db

import (
	"strings"
	"sync"
)

// logged is an entry of the log as it was committed, with the checkpoint that was signed then: of changes that were committed
// together, after the last one.
type logged struct {
	number     int64
	leaf       []byte
	checkpoint string
}

// anchorQueue is what was committed here and is not in the anchor yet, so that it need not be read again.
type anchorQueue struct {
	mu   sync.Mutex
	some []logged
}

// mostQueued is how many entries are kept for an anchor that cannot be written.
const mostQueued = 1000

// add adds the entries of a commit, in the order of the commits.
func (q *anchorQueue) add(some []logged) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.some)+len(some) > mostQueued {
		q.some = nil // what is missing is read
	}
	q.some = append(q.some, some...)
}

// take returns what comes after the last entry of the anchor, and forgets it; nil if anything is missing in it.
func (q *anchorQueue) take(last int64) []logged {
	q.mu.Lock()
	defer q.mu.Unlock()
	some := q.some
	q.some = nil
	for len(some) > 0 && some[0].number <= last {
		some = some[1:]
	}
	for i, e := range some {
		if e.number != last+1+int64(i) {
			return nil
		}
	}
	return some
}

// appendQueued appends what was committed here, if that is all that the anchor lacks as far as is known.
func (db *DB) appendQueued() (done bool, err error) {
	a := db.anchor
	some := a.queue.take(a.size)
	if len(some) == 0 {
		return false, nil
	}
	last := some[len(some)-1]
	origin, _, _ := strings.Cut(last.checkpoint, "\n")
	w := &anchorWriter{anchor: a, at: a.end}
	if err := w.head(db.verifierOf(origin)); err != nil {
		return false, err
	}
	for _, e := range some {
		checkpoint := ""
		if e.number == last.number {
			checkpoint = last.checkpoint
		}
		if err := w.line(e.leaf, checkpoint); err != nil {
			return false, err
		}
	}
	return true, w.finish(last.number)
}
