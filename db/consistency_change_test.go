package db

// change is what leases.go does for who makes a change, an operator's process or an instance. Leases are ended by whoever
// watches them, and who waits is one of those: see end.
func (m *model) change(s state, add func(state)) {
	next := s
	switch s.waiting {
	case nobody:
		m.begin(s, add)
		return
	case underway:
		next.waiting = looking
		if s.within && m.rules.tellsItself {
			next = m.itself(next)
		}
		add(next)
		m.changeAgain(s, add)
	case looking:
		if m.rules.ignores || !m.behind(s) {
			next.waiting, next.age = sure, 0
			add(next)
		}
		if m.silent(s.age) {
			add(m.answers(s))
		}
		m.changeAgain(s, add)
	case sure:
		add(m.answers(s))
	}
	if !m.calm { // whoever waits does not learn whether it was made, or is killed, or its answer is lost
		add(m.forgotten(s))
	}
}

// begin makes a change, or finds made what was not answered yet.
func (m *model) begin(s state, add func(state)) {
	if s.promised < s.head {
		next := s
		next.waiting, next.change = looking, s.head
		add(next)
	}
	if s.head == last {
		return
	}
	s.head++
	s.waiting, s.change = underway, s.head
	add(s)
	for i, n := range s.instances {
		if in := m.instances[n]; in.serves() {
			next := s
			in.waits, next.within = true, true
			next.instances[i] = m.number(in)
			add(next)
		}
	}
}

// changeAgain makes another change, by somebody who never answers it.
func (m *model) changeAgain(s state, add func(state)) {
	if s.head < last {
		s.head++
		add(s)
	}
}

// itself has told the memory of the instance that made the change.
func (m *model) itself(s state) state {
	for i, n := range s.instances {
		if in := m.instances[n]; in.waits {
			m.note(&in, belief(s.change)) // that it is deactivated leaves it in doubt
			in.skips = in.named && in.row.there
			s.instances[i] = m.number(in)
		}
	}
	return s
}

// behind tells whether an instance has not applied the change, as far as its lease tells.
func (m *model) behind(s state) bool {
	for _, n := range s.instances {
		if in := m.instances[n]; in.row.there && in.row.applied < s.change && !in.skips {
			return true
		}
	}
	return false
}

// silent tells whether a database that does not tell of leases is waited for no longer.
func (m *model) silent(age uint8) bool {
	waited := m.quick(age)
	if m.rules.impatient {
		waited += leaseTime / 2
	}
	return !m.calm && waited >= leaseTime
}

// answers answers the change. The memory of the instance that made it is told that the key is deactivated.
func (m *model) answers(s state) state {
	s.promised = max(s.promised, s.change)
	for i, n := range s.instances {
		if in := m.instances[n]; in.waits && s.change == last {
			m.note(&in, inactive)
			s.instances[i] = m.number(in)
		}
	}
	return m.forgotten(s)
}

// forgotten has nobody wait for the change.
func (m *model) forgotten(s state) state {
	s.waiting, s.change, s.age, s.within = nobody, 0, 0, false
	for i, n := range s.instances {
		if in := m.instances[n]; in.waits {
			in.waits, in.skips = false, false
			s.instances[i] = m.number(in)
		}
	}
	return s
}

// later lets a tick pass.
func (m *model) later(s state) state {
	for i, n := range s.instances {
		if n > 0 {
			s.instances[i] = m.number(m.older(m.instances[n]))
		}
	}
	if s.waiting == looking {
		s.age = min(s.age+1, m.ticks)
	}
	return s
}

func (m *model) older(in instance) instance {
	grow := func(age *uint8) {
		if *age != none {
			*age = min(*age+1, m.oldest())
		}
	}
	if in.row.there {
		in.row.age = min(in.row.age+1, m.ticks)
	}
	if in.stage == renewing || in.stage == writing || in.stage == renewed {
		grow(&in.sent)
	}
	grow(&in.lease.asked)
	grow(&in.lease.until)
	in.lease = m.tidy(in.lease)
	return in
}
