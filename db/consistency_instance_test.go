package db

// fact is what the database has of the one key: 0 nothing, 1 that it was made, 2 that it was deactivated. It is the number
// of the change that made it so, too.
type fact = uint8

const last fact = 2

// stage is how far an instance has come with what it asks the database, one thing after the other. It may stay anywhere
// for as long as it likes: it is paused, or cut off.
type stage uint8

const (
	down     stage = iota
	loading        // the head is read, and next all keys are
	idle           // nothing is asked for
	pulling        // the database has read the changes, up to got
	renewing       // a renewal is asked for
	writing        // the database has read the head, got, and next writes the lease
	renewed        // it has written it
	unleased       // it has found none to renew
)

// question is how far a verify has come.
type question uint8

const (
	unasked  question = iota
	arrived           // next it is looked whether the lease holds
	trusting          // it does: next memory is looked at
	doubting          // which is in doubt: the database is asked
	resolved          // it said that every instance knows of the deactivation
)

// instance is what there is of an instance, and of its lease in the database.
type instance struct {
	stage        stage
	memory       belief
	ending       bool // memory is in doubt, which is to end once the others have applied the deactivation
	lease        ownLease
	got          fact
	all          bool  // when got was read, all others had applied the deactivation
	sent         uint8 // age of the renewal that is asked for
	named        bool  // it has taken out a lease, which may be gone
	row          row
	waits, skips bool // it waits until its change can be answered, and not for its own row
	verify       question
	promised     fact // what no verify could say less than when the request arrived
}

// row is a lease in the database. Whoever looked at it just after its last renewal can end it before all others can, so
// its age stands for what those who watch it have seen.
type row struct {
	there   bool
	applied fact
	age     uint8
	ended   bool // somebody is about to end it, however often it is renewed; only where a rule is broken
}

// world is what an instance can see of everything else.
type world struct {
	head     fact // the last change
	known    fact // all others have applied it
	promised fact // no verify that comes now may say less
}

// serves tells whether requests come to the instance.
func (in instance) serves() bool { return in.stage > loading }

// idles returns the instance with nothing asked for.
func (in instance) idles() instance {
	in.stage, in.got, in.all, in.sent = idle, 0, false, 0
	return in
}

// next calls add with all that an instance can have become by one step, of its own or of the database for it.
func (m *model) next(in instance, w world, add func(instance)) {
	m.end(in, add)
	switch in.stage {
	case down:
		add(m.started(w)) // its former lease is as good as ended: nobody waits for it
		return
	case loading:
		add(m.loaded(in, w))
	default:
		m.follow(in, w, add)
		m.answer(in, w, add)
	}
	if in.stage > idle && !m.calm { // what was asked is lost, or its answer
		add(in.idles())
	}
	if m.kills && !m.calm {
		add(instance{row: in.row, lease: noLease})
	}
}

// hurry has all that was asked done at once, if the database is to be swift.
func (m *model) hurry(in instance, w world, add func(instance)) {
	if in.stage <= idle || in.stage == renewing || !m.swift {
		add(in)
		return
	}
	if in.stage == renewed && !m.calm {
		add(in.idles()) // without an answer
	}
	m.follow(in, w, func(next instance) { m.hurry(next, w, add) })
}

// begins returns an instance as it is at first: about to start, where that is tried too.
func (m *model) begins() instance {
	in := instance{lease: noLease}
	if !m.kills {
		in.stage, in.memory, in.lease.applied = idle, belief(m.first), m.first
	}
	return in
}

// started has read the head, and of which changes all others know.
func (m *model) started(w world) instance {
	known := min(w.head, w.known)
	in := instance{stage: loading, lease: noLease, all: known == last || m.rules.loadsEnded}
	in.lease.applied = known
	if m.rules.loadsFirst {
		in.memory = m.read(w.head, in.all)
	}
	return in
}

// loaded has read the keys.
func (m *model) loaded(in instance, w world) instance {
	if m.rules.loadsFirst {
		in.lease.applied = w.head
	} else {
		in.memory = m.read(w.head, in.all)
	}
	return in.idles()
}

// read returns what memory is told of the key by who loads it.
func (m *model) read(f fact, all bool) belief {
	switch {
	case f == last && all:
		return inactive
	case f == last:
		return doubtful
	}
	return belief(f)
}
