package db

import "slices"

// rules are those of the protocol that can be broken, to see that it is found.
type rules struct {
	fromAnswer    bool // a renewal counts from when its answer came
	unapplied     bool // a renewal counts before its head is applied
	tellsAhead    bool // a renewal says that its head is applied before it is
	pullsAhead    bool // what is made after the changes are read counts as applied too
	loadsFirst    bool // the keys are read before the head is
	unpulled      bool // a new lease counts before what was changed until then is applied
	outlives      bool // memory is asked after the lease has run out
	noMargin      bool // a lease counts as long as it is waited for
	endsEarly     bool // a lease is ended before leaseTime has passed
	endsBlindly   bool // a lease is ended even if it was renewed since it was read
	ignores       bool // a change is answered without waiting for leases
	impatient     bool // a change is answered before leaseTime has passed, as the database does not tell of leases
	refusesAtOnce bool // a deactivation is told before all others know of it, by who pulls it,
	endsAlone     bool // by who renews its lease,
	loadsEnded    bool // by who starts,
	resolvesEarly bool // or when it is asked about
	tellsItself   bool // who makes a change tells its own memory instead of waiting for its own lease
}

// waiting is how far it has come with the change that is to be answered.
type waiting uint8

const (
	nobody   waiting = iota
	underway         // the database has made it, and whoever asked for it has yet to learn so
	looking          // at the leases
	sure             // they were read, and each has applied the change
)

// state is all that there is. Which instance is which makes no difference, so they are in order.
type state struct {
	instances      [3]uint32 // as numbered by the model; those that are left out are 0
	head, promised fact      // the last change, and what no verify that comes now may say less than
	waiting        waiting
	change         fact  // that is waited for
	age            uint8 // since it was known to be made
	within         bool  // an instance waits, not an operator's process
}

// model tries all that can happen to some instances on one database.
type model struct {
	count int   // of the instances, up to 3
	ticks uint8 // of which leaseTime has so many
	first fact  // what they start with, and what is promised
	kills bool  // instances are killed, and start again
	asks  bool  // requests are followed step by step; else each takes no time, which is the worst that it can do
	swift bool  // the database takes no time for what it is asked, and only a question for a renewal is under way for a while
	calm  bool  // nothing is lost any more
	rules rules
	notes notes

	numbers   map[instance]uint32
	instances []instance
	steps     map[from][]step
	broken    bool // what is answered breaks the promise
	refused   bool // a verify is answered that the key is deactivated
}

// from is what the next steps of an instance depend on.
type from struct {
	instance uint32
	world
}

// step is what an instance becomes.
type step struct {
	instance uint32
	refused  bool
}

func (m *model) number(in instance) uint32 {
	n, known := m.numbers[in]
	if !known {
		n = uint32(len(m.instances))
		m.numbers[in], m.instances = n, append(m.instances, in)
	}
	return n
}

// search goes through all states that can be reached, until one breaks the promise. It returns them in the order in which
// they were found, and the one that does, or -1.
func (m *model) search() (all states, broken int) {
	m.numbers, m.steps, m.instances = map[instance]uint32{}, map[from][]step{}, nil
	m.broken, m.refused = false, false
	m.number(instance{}) // of those that are left out
	begin := state{head: m.first, promised: m.first}
	for i := range m.count {
		begin.instances[i] = m.number(m.begins())
	}
	all.places = map[uint64]int32{}
	all.add(m, begin, 0)
	for i := 0; i < len(all.list); i++ {
		m.after(all.list[i], func(next state) { all.add(m, next, i) })
		if m.broken {
			return all, i
		}
	}
	return all, -1
}

// states are those that were found, and for each, how it was first.
type states struct {
	list   []state
	before []int32
	places map[uint64]int32 // in the list, by the state in few bits: most of the time goes into looking it up here
}

func (all *states) add(m *model, s state, before int) {
	key := m.key(s)
	if _, known := all.places[key]; !known {
		all.places[key] = int32(len(all.list))
		all.list, all.before = append(all.list, s), append(all.before, int32(before))
	}
}

// key returns the state as a number.
func (m *model) key(s state) uint64 {
	bits := 48 / m.count
	if len(m.instances) > 1<<bits {
		panic("too many instances")
	}
	key := uint64(s.head) | uint64(s.promised)<<2 | uint64(s.change)<<4 | uint64(s.waiting)<<6 | uint64(s.age)<<8
	if s.within {
		key |= 1 << 11
	}
	slices.Sort(s.instances[:])
	for i, n := range s.instances[len(s.instances)-m.count:] {
		key |= uint64(n) << (12 + i*bits)
	}
	return key
}

// after calls add with all that can follow on a state.
func (m *model) after(s state, add func(state)) {
	for i, n := range s.instances {
		if n == 0 {
			continue
		}
		for _, next := range m.stepsOf(n, world{s.head, m.knownBut(s, i), s.promised}) {
			with := s
			with.instances[i] = next.instance
			if m.instances[n].waits && !m.instances[next.instance].waits { // it was killed
				with = m.forgotten(with)
			}
			if next.refused {
				with = m.forgotten(with)
				with.promised = last
			}
			add(with)
		}
	}
	add(m.later(s))
	m.change(s, add)
}

// knownBut returns the last change that all leases but one have applied.
func (m *model) knownBut(s state, but int) fact {
	known := last
	for i, n := range s.instances {
		if r := m.instances[n].row; r.there && i != but {
			known = min(known, r.applied)
		}
	}
	return known
}

func (m *model) stepsOf(n uint32, w world) []step {
	key := from{n, w}
	steps, known := m.steps[key]
	if !known {
		m.next(m.instances[n], w, func(in instance) {
			m.hurry(in, w, func(in instance) { steps = append(steps, step{m.number(in), m.refused}) })
			m.refused = false
		})
		m.steps[key] = steps
	}
	return steps
}
