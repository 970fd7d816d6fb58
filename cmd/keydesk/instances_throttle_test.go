//go:build unix

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// try tries to sign in from an address.
func (d *desk) try(userID, password, from string) reply {
	return d.visitor().send(http.MethodPost, "/login", url.Values{"user_id": {userID}, "password": {password}},
		http.Header{"X-Forwarded-For": {from}})
}

// AUTH-5: who fails at one instance after the other is told to wait by all of them.
func TestAddressThatFailsAtAllInstancesWaitsAtEach(t *testing.T) {
	s := newShared(t, 3, "--trusted-proxies=127.0.0.1")
	for n := range access.AddressFailures {
		if got := s.desks[n%3].try("nobody", "wrong", "192.0.2.7"); got.status != http.StatusUnprocessableEntity {
			t.Fatalf("attempt %d: %d", n, got.status)
		}
	}
	for n, d := range s.desks {
		if got := d.try("alice", password, "192.0.2.7"); got.status != http.StatusTooManyRequests {
			t.Errorf("instance %d: %d", n, got.status)
		}
		if got := d.try("alice", password, "192.0.2.8"); got.status != http.StatusSeeOther {
			t.Errorf("instance %d, from another address: %d", n, got.status)
		}
	}
}

// AUTH-6: so are strangers at an account that is attacked at all of them.
func TestAccountThatIsAttackedAtAllInstancesIsGuardedAtEach(t *testing.T) {
	s := newShared(t, 3, "--trusted-proxies=127.0.0.1")
	for n := range access.AccountFailures {
		if got := s.desks[n%3].try("alice", "wrong", fmt.Sprintf("192.0.2.%d", n+1)); got.status != http.StatusUnprocessableEntity {
			t.Fatalf("attempt %d: %d", n, got.status)
		}
	}
	for n, d := range s.desks {
		if got := d.try("alice", password, fmt.Sprintf("198.51.100.%d", n+1)); got.status != http.StatusUnprocessableEntity {
			t.Errorf("instance %d lets a stranger in at once: %d", n, got.status)
		}
		if got := d.try("bob", password, fmt.Sprintf("198.51.100.%d", n+1)); got.status != http.StatusSeeOther {
			t.Errorf("instance %d keeps bob out: %d", n, got.status)
		}
	}
}

// SEC-1: an instance with another root secret does not start, and says why in a line.
func TestInstanceWithAnotherRootSecretDoesNotStart(t *testing.T) {
	s := newShared(t, 1)
	other := newEmptyShared(t)
	refused(t, 1, "root secret", "serve", "--addr=127.0.0.1:0", s.common[0], other.common[1])
	if got := s.desks[0].signIn("alice").get("/profile"); got.status != http.StatusOK {
		t.Errorf("the other instance: %d", got.status)
	}
}
