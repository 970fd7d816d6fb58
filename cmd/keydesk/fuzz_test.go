package main

import (
	"net"
	"strconv"
	"strings"
	"testing"
)

// SUP-6, AUTH-7: --trusted-proxies takes addresses and networks, each as it is written, and trusts nothing beside them.
func FuzzParseNetworks(f *testing.F) {
	for _, seed := range []string{"", "127.0.0.1", "10.0.0.0/8", "10.1.2.3/8", "::1", "fd00::/8", "::ffff:10.0.0.1", "0.0.0.0/0", "10.0.0.0/33", "10.0.0.0/08", "localhost", "10.0.0.1 ", "fe80::1%eth0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		networks, err := parseNetworks([]string{text})
		if err != nil {
			if !strings.Contains(err.Error(), "--trusted-proxies") || len(networks) > 0 {
				t.Fatalf("%q: %v, %v", text, networks, err)
			}
			return
		}
		address, size, isNetwork := strings.Cut(text, "/")
		ip := net.ParseIP(address)
		if len(networks) != 1 || ip == nil || !networks[0].Contains(ip) {
			t.Fatalf("%q is taken for %v", text, networks)
		}
		if ones, all := networks[0].Mask.Size(); !isNetwork && ones != all {
			t.Fatalf("%q is taken for all of %v", text, networks[0])
		} else if isNetwork && !strings.HasSuffix("0"+size, strconv.Itoa(ones)) {
			t.Fatalf("%q is taken for %v", text, networks[0])
		}
	})
}
