//go:build unix

package main

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// load asks the instances for everything at the same time, and notes what they answer.
type load struct {
	c      *cluster
	h      *history
	ctx    context.Context // until nobody is to ask any more
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu    sync.Mutex
	keys  []provedKey // by their number in the history
	alive []int       // those that nobody has tried to deactivate
	hot   [16]int     // those that something happened to last
	next  int         // in hot

	silence string // the last answer that told nothing

	count struct{ created, deactivated, verified, unchanged, unsure, silent atomic.Int64 }
	waits *waits
}

const (
	patience = time.Second           // for the answer to a verify
	breath   = 10 * time.Millisecond // between two verifies, or they would leave nothing of the machine to the others
)

// begin starts so many who change keys and who verify them, with a pause after each verify.
func (c *cluster) begin(changers, verifiers int, pause time.Duration) *load {
	l := &load{c: c, h: newHistory(), waits: newWaits(c.instances)}
	l.ctx, l.cancel = context.WithCancel(c.t.Context())
	for n := range changers {
		person := c.people[n%len(c.people)]
		l.asking.Go(func() {
			for l.ctx.Err() == nil {
				l.create(person)
				l.deactivate()
			}
		})
	}
	for range verifiers {
		l.asking.Go(func() {
			for l.ctx.Err() == nil {
				if !l.verify(l.any(), l.pick()) {
					time.Sleep(breath)
				}
				time.Sleep(pause)
			}
		})
	}
	return l
}

// end has everybody end what they are at.
func (l *load) end() {
	l.cancel()
	l.asking.Wait()
}

// any returns an instance to ask, mostly none that has just not answered, as a load balancer does.
func (l *load) any() *instance {
	i := l.c.instances[rand.IntN(len(l.c.instances))]
	if l.waits.silent(i) && rand.IntN(10) > 0 {
		return l.c.instances[rand.IntN(len(l.c.instances))]
	}
	return i
}

func (l *load) create(person string) {
	i, asked := l.any(), l.h.now()
	k, became := i.create(person)
	l.changed(became, asked, &l.count.created)
	if became != changed {
		return // nobody has its secret
	}
	l.mu.Lock()
	number := len(l.keys)
	l.keys, l.alive = append(l.keys, k), append(l.alive, number)
	l.heat(number)
	l.mu.Unlock()
	l.h.note(number, toCreate, asked, changed)
	for _, other := range l.c.others(i) {
		l.verify(other, number)
	}
}

func (l *load) deactivate() {
	number, ok := l.retire()
	if !ok {
		return
	}
	i, k, asked := l.any(), l.key(number), l.h.now()
	became := i.deactivate(k)
	l.changed(became, asked, &l.count.deactivated)
	if became == unchanged {
		l.mu.Lock()
		l.alive = append(l.alive, number)
		l.mu.Unlock()
		return
	}
	l.h.note(number, toDeactivate, asked, became)
	for _, other := range l.c.others(i) {
		l.verify(other, number)
	}
}

// changed counts a change, and how long its answer took.
func (l *load) changed(became outcome, asked int64, yes *atomic.Int64) {
	switch became {
	case changed:
		yes.Add(1)
		l.waits.change(time.Duration(l.h.now() - asked))
	case unchanged:
		l.count.unchanged.Add(1)
		time.Sleep(50 * time.Millisecond) // as nobody tries again at once
	case unsure:
		l.count.unsure.Add(1)
	}
}

// verify asks for a key, and tells whether that was answered with yes or no.
func (l *load) verify(i *instance, number int) (told bool) {
	if number < 0 {
		return false
	}
	secret, asked := l.key(number).secret, l.h.now()
	got := i.askFor(secret, cmp.Or(l.c.patience, patience))
	says := verdictOf(got)
	l.waits.verify(i, says != none)
	if says == none { // which tells nothing
		l.count.silent.Add(1)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.silence = got.String()
		return false
	}
	l.h.note(number, toVerify, asked, says)
	l.count.verified.Add(1)
	return true
}

func (l *load) key(number int) provedKey {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.keys[number]
}

// pick returns a key to verify, mostly one that something happens to at the moment, or -1 while there is none.
func (l *load) pick() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.keys) == 0:
		return -1
	case rand.IntN(3) > 0:
		return l.hot[rand.IntN(len(l.hot))]
	}
	return rand.IntN(len(l.keys))
}

// retire returns a key to deactivate: one that is alive, or now and then one that somebody deactivates already.
func (l *load) retire() (number int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.alive) == 0 {
		return 0, false
	}
	if rand.IntN(10) == 0 {
		return l.hot[rand.IntN(len(l.hot))], true
	}
	at, last := rand.IntN(len(l.alive)), len(l.alive)-1
	number = l.alive[at]
	l.alive[at], l.alive = l.alive[last], l.alive[:last]
	l.heat(number)
	return number, true
}

// heat has the key verified more often for a while.
func (l *load) heat(number int) {
	l.hot[l.next] = number
	l.next = (l.next + 1) % len(l.hot)
}

// operations is how many were answered.
func (l *load) operations() int64 {
	return l.count.created.Load() + l.count.deactivated.Load() + l.count.verified.Load()
}
