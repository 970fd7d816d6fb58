package db

import "time"

// An instance answers from its memory for as long as it has a lease, and a change of keys is answered when no instance can
// answer from before it any more. docs/consistency.md has the argument, and consistency_test.go tries all that can happen.
const (
	leaseTime  = 3 * time.Second          // for which a lease that is not renewed is waited for
	leaseKept  = leaseTime - leaseTime/32 // for which its holder counts on it: clocks may run 3 % apart
	renewEvery = time.Second
)

// lease is what an instance knows of its own lease. Times are those of its own clock.
type lease struct {
	applied int64         // the last change that its memory knows of, with all before it
	asked   time.Duration // before the last renewal was asked for; 0 before there was one
	head    int64         // the last change that there was then
	until   time.Duration // it holds
}

// renewed notes a renewal, which counts from before it was asked for, once everything up to its head is applied.
func (l *lease) renewed(asked time.Duration, head int64) {
	l.asked, l.head = asked, head
	l.count()
}

// apply notes that all changes up to this one are applied.
func (l *lease) apply(change int64) {
	l.applied = max(l.applied, change)
	l.count()
}

func (l *lease) count() {
	if l.asked > 0 && l.applied >= l.head {
		l.until = max(l.until, l.asked+leaseKept)
	}
}

// standing is since when the renewals of a lease stand still, as far as who watches it has seen.
type standing struct {
	renewals int64
	since    time.Duration
}

// watch is what is seen of the leases of others, by their ids.
type watch map[string]standing

// expired notes how often a lease was renewed, as it was read before now, and tells whether it has run out: it is not
// renewed any more, and its holder knows that it does not hold.
func (w watch) expired(id string, renewals int64, now time.Duration) bool {
	seen, known := w[id]
	if !known || seen.renewals != renewals {
		w[id] = standing{renewals, now}
		return false
	}
	return now-seen.since >= leaseTime
}
