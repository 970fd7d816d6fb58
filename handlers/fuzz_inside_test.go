package handlers

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// SUP-6, AUTH-11: wherever a sign-in is told to go on to, a browser stays at this desk.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{
		"", "/", "/profile/keys?q=a#1", "//evil.test", `/\evil.test`, "/\t/evil.test", "/%09/evil.test", "/%2f/evil.test", "/%5cevil.test",
		"https:evil.test", "javascript:alert(1)", "/%zz", "/.//evil.test", "/x/..//evil.test", "/..//evil.test", "/;//evil.test", "/?//evil.test", "/\u2028/x",
	} {
		f.Add(seed)
	}
	const desk = "http://desk.example"
	base, err := url.Parse(desk + "/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		if got != next && got != "/" {
			t.Fatalf("%q becomes %q", next, got)
		}
		if localPath(got) != got {
			t.Fatalf("%q is refused once it was taken", got)
		}
		// As browsers read it, which drop some white space and take a backslash for a slash.
		plain := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(got)
		if !strings.HasPrefix(plain, "/") || strings.HasPrefix(plain, "//") {
			t.Fatalf("%q leads to %q", next, plain)
		}
		u, err := base.Parse(got)
		if err != nil || u.Scheme+"://"+u.Host != desk || u.User != nil {
			t.Fatalf("%q leads to %v, %v", next, u, err)
		}
	})
}

// SUP-6, VER-1: of what two headers say, one key is asked about: the only one that there is.
func FuzzKeyOfHeaders(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"kd_a", ""}, {"", "Bearer kd_a"}, {"kd_a", "bearer \t kd_a "}, {"kd_a", "Bearer kd_b"}, {" kd_a\t", "Basic eDp5"}, {"", "Bearer"},
		{"", "Bearer kd_a kd_b"}, {"kd_a,kd_b", "Bearer kd_a,kd_b"}, {"\xff", "BEARER \xff"}, {"", "Bearer\u00a0kd_a"}, {"", "\x00Bearer kd_a"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, apiKey, authorization string) {
		var q question
		q.apiKey(apiKey)
		q.authorization(authorization)
		one, other := strings.Trim(apiKey, " \t"), ""
		if len(authorization) > 6 && strings.EqualFold(authorization[:6], "Bearer") && strings.ContainsRune(" \t", rune(authorization[6])) {
			other = strings.Trim(authorization[6:], " \t")
		}
		want := question{key: one, different: one != "" && other != "" && one != other}
		if one == "" {
			want.key = other
		}
		if q != want {
			t.Fatalf("%q and %q ask %+v, want %+v", apiKey, authorization, q, want)
		}
	})
}

// SUP-6, AUTH-7: who asks is the peer, or the first from the right that is no proxy; never something that is no address.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range [][2]string{
		{"192.0.2.1", ""}, {"192.0.2.1", "198.51.100.7"}, {"10.0.0.1", "198.51.100.7"}, {"10.0.0.1", "198.51.100.7, 10.0.0.2"}, {"10.0.0.1", "evil"},
		{"10.0.0.1", "203.0.113.9, evil, 10.0.0.2"}, {"10.0.0.1", "[::1]:80"}, {"10.0.0.1", "::ffff:10.0.0.9"}, {"10.0.0.1", ",,"}, {"10.0.0.1", "1.2.3.4\r\nX: y"},
		{"fe80::1%eth0", "198.51.100.7"}, {"10.0.0.1", "0x0a.0.0.1"}, {"10.0.0.1", "010.0.0.1"},
	} {
		f.Add(seed[0], seed[1])
	}
	_, proxies, err := net.ParseCIDR("10.0.0.0/8")
	if err != nil {
		f.Fatal(err)
	}
	find := clientAddress([]*net.IPNet{proxies})
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		ip := net.ParseIP(peer)
		if ip == nil {
			return // no connection comes from there
		}
		r := &http.Request{RemoteAddr: net.JoinHostPort(peer, "4711"), Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := find(r)
		switch from := net.ParseIP(got); {
		case from == nil:
			t.Fatalf("%q, forwarded for %q: %q is no address", peer, forwarded, got)
		case !proxies.Contains(ip) && !from.Equal(ip):
			t.Fatalf("%q is no proxy, and passes for %q by %q", peer, got, forwarded)
		case !from.Equal(ip) && !slices.ContainsFunc(strings.Split(forwarded, ","), func(part string) bool {
			return from.Equal(net.ParseIP(strings.Trim(strings.TrimSpace(part), "[]"))) // as IPv6 stands with a port
		}):
			t.Fatalf("%q passes for %q by %q", peer, got, forwarded)
		}
	})
}
