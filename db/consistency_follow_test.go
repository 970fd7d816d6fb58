package db

import "time"

// ownLease is what an instance knows of its lease, with ages in place of times.
type ownLease struct{ applied, head, asked, until uint8 }

const none = 255 // in place of an age

var noLease = ownLease{asked: none, until: none}

// What clocks show. Only two times of the same clock are ever compared, so that it does not matter which they are. Who
// holds a lease has the slowest clock that docs/consistency.md allows, and who watches leases has the quickest.
const (
	clockShows = 1000 * time.Hour
	apart      = 32 // clocks differ by this part of a time
)

// quick is how long ago something of this age is by the quickest clock.
func (m *model) quick(age uint8) time.Duration {
	return time.Duration(age) * leaseTime / time.Duration(m.ticks)
}

// slow is how long ago it is by the slowest.
func (m *model) slow(age uint8) time.Duration { return m.quick(age) - m.quick(age)/apart }

// oldest is an age at which every lease has run out.
func (m *model) oldest() uint8 {
	if m.rules.noMargin {
		return m.ticks + 1
	}
	return m.ticks
}

// lease returns the real one.
func (m *model) lease(o ownLease) lease {
	l := lease{applied: int64(o.applied), head: int64(o.head)}
	if o.asked != none {
		l.asked = clockShows - m.slow(o.asked)
	}
	if o.until != none {
		l.until = clockShows - m.slow(o.until) + leaseKept
	}
	return l
}

// own does the opposite.
func (m *model) own(l lease) ownLease {
	return m.tidy(ownLease{uint8(l.applied), uint8(l.head), m.age(l.asked), m.age(l.until - leaseKept)})
}

// tidy forgets what makes no difference any more, so that fewer states differ.
func (m *model) tidy(o ownLease) ownLease {
	if !m.holds(o) {
		o.until = none
	}
	if o.applied >= o.head || !m.holds(ownLease{until: o.asked}) {
		o.head, o.asked = 0, none
	}
	return o
}

func (m *model) age(at time.Duration) uint8 {
	for age := range m.oldest() + 1 {
		if clockShows-m.slow(age) == at {
			return age
		}
	}
	return none
}

// holds is what DB.Current tells.
func (m *model) holds(o ownLease) bool {
	until := m.lease(o).until
	if m.rules.outlives {
		return until > 0
	}
	if m.rules.noMargin {
		until += leaseTime - leaseKept
	}
	return clockShows < until
}

// follow is what following.go does, except that here it may pull and renew in any order.
func (m *model) follow(in instance, w world, add func(instance)) {
	next := in.idles()
	switch in.stage {
	case idle:
		next.stage, next.got = pulling, w.head
		add(next)
		next = in
		if next.stage = renewing; !in.named {
			next = m.registered(in)
		}
		add(next)
	case pulling:
		add(m.pulled(in, w))
	case renewing, writing:
		if !in.row.there { // PostgreSQL looks again when it comes to write
			next.stage = unleased
			add(next)
			return
		}
		add(m.renew(in, w))
	case renewed:
		add(m.told(in))
	case unleased:
		add(m.registered(next))
	}
}

// pulled has applied the changes that were read.
func (m *model) pulled(in instance, w world) instance {
	l, upTo := m.lease(in.lease), int64(in.got)
	switch {
	case in.got <= in.lease.applied: // there was nothing to read
		upTo = l.head
	case in.got == last && !m.rules.refusesAtOnce:
		in.ending = true
		m.note(&in, doubtful)
	case in.got == last:
		m.note(&in, inactive)
	default:
		m.note(&in, active)
	}
	if m.rules.pullsAhead {
		upTo = int64(w.head)
	}
	l.apply(upTo)
	in.lease = m.own(l)
	return in.idles()
}

// renew has the database do the one and then the other half of a renewal.
func (m *model) renew(in instance, w world) instance {
	if in.stage == renewing {
		in.stage, in.got = writing, w.head
		in.all = w.head == last && (w.known == last || m.rules.endsAlone)
		return in
	}
	in.stage, in.row.age, in.row.applied = renewed, 0, in.lease.applied
	if m.rules.tellsAhead {
		in.row.applied = in.got
	}
	return in
}

// told is an instance that has got the answer to its renewal.
func (m *model) told(in instance) instance {
	asked, head := clockShows-m.slow(in.sent), int64(in.got)
	if m.rules.fromAnswer {
		asked = clockShows
	}
	if m.rules.unapplied {
		head = 0
	}
	if in.ending && in.all && in.lease.applied == last {
		in.ending = false
		m.note(&in, inactive)
	}
	l := m.lease(in.lease)
	l.renewed(asked, head)
	in.lease = m.own(l)
	return in.idles()
}

// registered has taken out a lease. That its answer is lost is as good as that it was never asked for: nobody counts on
// such a lease, and others wait until it is ended.
func (m *model) registered(in instance) instance {
	l := lease{applied: int64(in.lease.applied)}
	if m.rules.unpulled {
		l.renewed(clockShows, 0)
	}
	in.lease, in.named, in.skips = m.own(l), true, false
	in.row = row{there: true, applied: in.lease.applied}
	return in
}

// end ends a lease that whoever watches it takes for run out: the one who has read it just after its last renewal.
func (m *model) end(in instance, add func(instance)) {
	if !in.row.there {
		return
	}
	const renewals = 7 // any number
	seen := watch{"": {renewals, clockShows - m.quick(in.row.age)}}
	late := time.Duration(0)
	if m.rules.endsEarly {
		late = leaseTime / time.Duration(m.ticks)
	}
	over := seen.expired("", renewals, clockShows+late)
	switch {
	case m.rules.endsBlindly && over && !in.row.ended:
		in.row.ended = true
	case over || in.row.ended:
		in.row, in.skips = row{}, false
	default:
		return
	}
	add(in)
}
