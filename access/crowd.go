package access

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Crowd makes people and keys up, for load tests. The same crowd is the same each time, but for the keys themselves and
// what is kept of them.
type Crowd struct {
	Users, Keys int
	Seed        uint64
	Now         time.Time // nothing in the crowd is later
}

const (
	crowdDay     = 24 * time.Hour
	crowdGathers = 365 * crowdDay     // the time in which its people came,
	crowdMakes   = 3 * 365 * crowdDay // before the time in which they made keys
	crowdEnded   = 10                 // one key of so many is inactive
	crowdUsed    = 5                  // all keys of so many but one were used
)

// People returns the users: the same for every seed, without a password.
func (c Crowd) People() iter.Seq[Person] {
	return func(yield func(Person) bool) {
		came := c.Now.Add(-crowdMakes - crowdGathers)
		for i := range c.Users {
			p := c.person(i)
			p.CreatedAt = came.Add(crowdGathers / time.Duration(c.Users) * time.Duration(i)).Truncate(time.Microsecond)
			if !yield(p) {
				return
			}
		}
	}
}

func (c Crowd) person(i int) Person {
	given, families := crowdGiven(), crowdFamilies()
	first, last, id := given[i%len(given)], families[i/len(given)%len(families)], c.userID(i, given, families)
	return Person{
		UserID: id, Name: title(first) + " " + title(last), Email: id + "@example.com", Role: User,
	}
}

// userID returns the User ID of the person of this number, such as ada.noether or, later, ada.noether2.
func (c Crowd) userID(i int, given, families []string) string {
	id := given[i%len(given)] + "." + families[i/len(given)%len(families)]
	if round := i / (len(given) * len(families)); round > 0 {
		id += strconv.Itoa(round)
	}
	return id
}

// Made is a key of the crowd, with the full key.
type Made struct {
	Key
	Secret Secret
}

// Made returns the keys, the oldest first, and exactly one in ten of them inactive, rounded down.
func (c Crowd) Made(prefix string) iter.Seq[Made] {
	return func(yield func(Made) bool) {
		random := rand.New(rand.NewPCG(c.Seed, 0))
		given, families := crowdGiven(), crowdFamilies()
		step := crowdMakes / time.Duration(max(1, c.Keys))
		for i := range c.Keys {
			k := Made{Secret: NewSecret(prefix)}
			k.Last4, k.UserID = k.Secret.Last4(), c.userID(random.IntN(c.Users), given, families)
			k.CreatedAt = c.Now.Add(-step * time.Duration(c.Keys-i)).Add(time.Duration(random.Int64N(int64(step)))).
				Truncate(time.Microsecond)
			k.ID, k.Number = idAt(k.CreatedAt, random), int64(i)+1
			k.live(c.Now, i%crowdEnded == crowdEnded-1, random)
			if !yield(k) {
				return
			}
		}
	}
}

// live gives the key its uses and its end, between its creation and now.
func (k *Made) live(now time.Time, ends bool, random *rand.Rand) {
	until := now
	if ends {
		k.DeactivatedAt = between(k.CreatedAt, now, random)
		k.DeactivatedBy, until = k.UserID, k.DeactivatedAt
		if random.IntN(2) == 0 {
			k.DeactivatedBy, k.Reason = Operator, "No longer needed"
		}
	}
	if random.IntN(crowdUsed) > 0 {
		k.LastUsedAt = between(k.CreatedAt, until, random)
	}
	names := crowdKeys()
	k.Name = names[random.IntN(len(names))]
}

// between returns a time from a to b, more likely to be late.
func between(a, b time.Time, random *rand.Rand) time.Time {
	back := random.Float64()
	return b.Add(-time.Duration(back * back * float64(b.Sub(a)))).Truncate(time.Microsecond)
}

// idAt returns a UUIDv7 of this time (RFC 9562, 5.7).
func idAt(at time.Time, random *rand.Rand) string {
	const version, variant = 0x7000, 1 << 63
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(max(0, at.UnixMilli()))<<16|version|uint64(random.Uint32()&0xfff))
	binary.BigEndian.PutUint64(b[8:], variant|random.Uint64()>>2)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func crowdKeys() []string {
	return []string{"", "CI", "Dashboard", "Data import", "Backup job", "Mobile app", "Notebook", "Webhook relay"}
}

func crowdGiven() []string {
	return strings.Fields(`ada alan albert alice amalie andre anna barbara blaise carl charles claude daniel david
		dorothy edsger emil emmy enrico ernest felix florence frances george grace hedy helen henri irene isaac james jean
		john josiah karen katherine leonhard lise ludwig marie mary maxim michael niels niklaus oliver paul peter ralph
		richard robert rosalind sofia stephen tim vera werner wilhelm`)
}

func crowdFamilies() []string {
	return strings.Fields(`ampere avogadro babbage bernoulli bohr boole born bose cantor carnot cauchy cavendish curie
		dirac doppler edison einstein euclid euler faraday fermat fermi feynman fourier franklin galois gauss germain
		goedel hamilton heisenberg hertz hilbert hopper hubble huygens jacobi joule kelvin kepler kovalevskaya lagrange
		laplace leibniz lovelace maxwell meitner mendel noether ohm pascal pauli planck riemann turing volta watt`)
}
