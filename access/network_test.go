package access_test

import (
	"testing"

	"github.com/keydesk/keydesk/access"
)

// AUTH-6: one subscriber is one network, however the address is spelled.
func TestNetworkOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":                          "192.0.2.1",
		"192.0.2.2":                          "192.0.2.2",
		"::ffff:192.0.2.1":                   "192.0.2.1",
		"::ffff:c000:201":                    "192.0.2.1",
		"127.0.0.1":                          "127.0.0.1",
		"2001:db8:1:2:3:4:5:6":               "2001:db8:1:2::/64",
		"2001:db8:1:2::":                     "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff:ffff:ffff":   "2001:db8:1:2::/64",
		"2001:0DB8:0001:0002:0:0:0:9":        "2001:db8:1:2::/64",
		"2001:db8:1:3::6":                    "2001:db8:1:3::/64",
		"fe80::1%eth0":                       "fe80::/64",
		"fe80::2%eth1":                       "fe80::/64",
		"::1":                                "::/64",
		"":                                   "",
		"unix":                               "unix",
		"192.0.2.1:443":                      "192.0.2.1:443",
		"192.0.2.01":                         "192.0.2.01", // some read the octal 1
		"2001:db8:1:2:3:4:5:6, 198.51.100.1": "2001:db8:1:2:3:4:5:6, 198.51.100.1",
	} {
		if got := access.Network(address); got != want {
			t.Errorf("%q is of the network %q, want %q", address, got, want)
		}
	}
}

// AUTH-6: a network is its own, so that what was counted once is counted under the same name.
func TestNetworkOfANetwork(t *testing.T) {
	for _, address := range []string{"192.0.2.1", "2001:db8:1:2:3:4:5:6", "fe80::1%eth0", "::ffff:192.0.2.1", ""} {
		network := access.Network(address)
		if again := access.Network(network); again != network {
			t.Errorf("%q is of the network %q, and that of %q", address, network, again)
		}
	}
}
