package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

const day = 24 * time.Hour

// demo fills a database with people and keys that look lived with. Its clock is set back, and comes forward as the
// story goes on.
type demo struct {
	db     *db.DB
	ago    time.Duration
	random *rand.Rand
	events []event
}

// event is something that happened so long ago.
type event struct {
	ago time.Duration
	do  func(context.Context) error
}

func (s *demo) at(ago time.Duration, do func(context.Context) error) {
	s.events = append(s.events, event{ago, do})
}

// play makes everything happen in its order, through the same functions as in earnest.
func (s *demo) play(ctx context.Context) error {
	hash, err := access.HashPassword(demoPassword)
	if err != nil {
		return err
	}
	admin := s.person("admin", "Robin Keeper", access.Admin, hash, 401*day)
	s.person("newton", "Isaac Newton", access.User, hash, 20*day)
	s.keysOfAlice(s.person("alice", "Alice Liddell", access.User, hash, 400*day), admin)
	for i, id := range demoPeople() {
		ago := time.Duration(380-5*i)*day - s.some(3*day)
		person := s.person(id, strings.ToUpper(id[:1])+id[1:], access.User, hash, ago)
		for range s.random.IntN(4) {
			s.keyOfSomebody(person, admin, ago-day)
		}
	}
	slices.SortStableFunc(s.events, func(a, b event) int { return cmp.Compare(b.ago, a.ago) })
	for _, e := range s.events {
		s.ago = e.ago
		if err := e.do(ctx); err != nil {
			return err
		}
	}
	s.ago = 0
	return nil
}

// person adds somebody, who then signs in now and then.
func (s *demo) person(id, name string, role access.Role, hash string, ago time.Duration) access.Actor {
	p := access.Person{UserID: id, Name: name, Role: role, Email: id + "@example.com"}
	s.at(ago, func(ctx context.Context) error { return s.db.AddUser(ctx, access.TheOperator(), p, hash) })
	address := fmt.Sprintf("192.0.2.%d", 1+s.random.IntN(250))
	for range 1 + s.random.IntN(3) {
		entry := access.SignIn{UserID: id, Address: address, UserAgent: demoBrowser, Outcome: access.SignedIn}
		s.signIn(s.some(ago), access.Attempt{SignIn: entry, Password: hash})
		entry.Outcome = access.WrongPassword
		if s.random.IntN(5) == 0 {
			s.signIn(s.some(ago), access.Attempt{SignIn: entry, Password: hash})
		}
	}
	return access.Actor{UserID: id, Role: role, Address: address}
}

// signIn opens a session that nobody holds, or writes a failure down.
func (s *demo) signIn(ago time.Duration, a access.Attempt) {
	s.at(ago, func(ctx context.Context) error {
		_, err := s.db.SignIn(ctx, a, db.Opening{
			Session: access.HashToken(access.NewToken()),
			Limits:  access.SessionLimits{Idle: time.Hour, Max: 12 * time.Hour},
		})
		return err
	})
}

func (s *demo) keysOfAlice(alice, admin access.Actor) {
	s.key(alice, story{name: "Invoice export", made: 371 * day, used: 3 * time.Minute})
	s.key(alice, story{name: "Old importer", made: 302 * day, used: 190 * day, ended: 189 * day, by: alice})
	s.key(alice, story{name: "Laptop", made: 96 * day, used: 2*day + 5*time.Hour})
	s.key(alice, story{
		name: "Nightly report", made: 41 * day, used: 8*day + time.Hour, ended: 8 * day, by: admin,
		reason: "Found in a public repository", tried: 5 * time.Hour,
	})
	s.key(alice, story{name: "Staging", made: 6 * day})
}

func (s *demo) keyOfSomebody(owner, admin access.Actor, newest time.Duration) {
	k := story{name: demoNames()[s.random.IntN(len(demoNames()))], made: s.some(newest)}
	if s.random.IntN(5) > 0 {
		k.used = s.some(k.made)
	}
	if s.random.IntN(6) == 0 {
		k.ended, k.by = s.some(k.made), owner
		k.used = max(k.used, k.ended)
	}
	if k.ended > 0 && s.random.IntN(2) == 0 {
		k.by, k.reason = admin, "No longer in the team"
	}
	s.key(owner, k)
}

// story is the life of a key: everything so long ago, 0 for never.
type story struct {
	name              string
	made, used, ended time.Duration
	by                access.Actor
	reason            string
	tried             time.Duration // the last time after it was ended
}

func (s *demo) key(owner access.Actor, k story) {
	var made access.Key
	s.at(k.made, func(ctx context.Context) (err error) {
		kept := s.db.Secrets().Pepper.Fingerprint(access.NewSecret(access.DefaultPrefix))
		made, err = s.db.CreateKey(ctx, owner, kept, "")
		return err
	})
	s.at(k.made-time.Second, func(ctx context.Context) error {
		_, err := s.db.RenameKey(ctx, owner, made.ID, k.name)
		return err
	})
	if k.used > 0 {
		s.at(min(k.used, k.made-2*time.Second), func(ctx context.Context) error {
			_, err := s.db.SaveUses(ctx, s.usesOf(made, s.db.Now()))
			return err
		})
	}
	if k.tried > 0 {
		s.at(k.tried, func(ctx context.Context) error {
			_, err := s.db.SaveUses(ctx, s.refusedSince(k.ended, made, s.db.Now()))
			return err
		})
	}
	if k.ended > 0 {
		s.at(min(k.ended, k.made-3*time.Second), func(ctx context.Context) (err error) {
			if k.by.Role == access.Admin {
				_, err = s.db.DeactivateKey(ctx, k.by, made.ID, k.reason)
			} else {
				_, err = s.db.DeactivateOwnKey(ctx, k.by, made.ID)
			}
			return err
		})
	}
}

// usesOf returns two weeks of uses of a key, or as many as it has been there, up to now.
func (s *demo) usesOf(key access.Key, now time.Time) []access.Use {
	services := []string{"billing", "gateway", "reports"}
	services = services[:1+s.random.IntN(len(services))]
	uses := []access.Use{}
	for back := range 14 {
		at := now.Add(-time.Duration(back) * day)
		if !at.After(key.CreatedAt) {
			break
		}
		for i, service := range services {
			last := at.Add(-time.Duration(7*i) * time.Minute)
			use := access.Use{
				Key: key.Number, Day: access.Day(last), Service: service, Address: fmt.Sprintf("198.51.100.%d", 10+i),
				Accepted: int64(1 + s.random.IntN(400/(1+i))), LastAt: last,
			}
			if i == 0 {
				use.UsedAt = at
			}
			uses = append(uses, use)
		}
	}
	return uses
}

// refusedSince returns what somebody did who found a key after it was ended.
func (s *demo) refusedSince(ended time.Duration, key access.Key, now time.Time) (uses []access.Use) {
	for back := range int(ended / day) {
		at := now.Add(-time.Duration(back) * day)
		uses = append(uses, access.Use{
			Key: key.Number, Day: access.Day(at), Address: "203.0.113.66", Refused: int64(1 + s.random.IntN(60)), LastAt: at,
		})
	}
	return uses
}

// some returns a random time below limit, of a minute or more.
func (s *demo) some(limit time.Duration) time.Duration {
	return time.Minute + time.Duration(s.random.Int64N(int64(limit-time.Minute)))
}

const demoBrowser = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

func demoNames() []string {
	return []string{"Data import", "Dashboard", "Backup job", "Mobile app", "Cron", "Notebook", "Webhook relay", "Load test"}
}

func demoPeople() []string {
	return strings.Fields(`ampere avogadro babbage bernoulli bohr boole born bose cantor carnot cauchy cavendish curie
		dirac doppler edison einstein euclid euler faraday fermat fermi feynman fourier franklin galois gauss germain
		goedel hamilton heisenberg hertz hilbert hopper hubble huygens jacobi joule kelvin kepler kovalevskaya lagrange
		laplace leibniz lovelace maxwell meitner mendel noether ohm pascal pauli planck riemann turing volta watt`)
}
