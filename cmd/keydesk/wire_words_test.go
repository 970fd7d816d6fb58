package main

import (
	"regexp"
	"strings"
	"testing"
)

// wireWords is all that net/http says of a request that it can not read: a status and, at times, a sentence of its own.
var wireWords = regexp.MustCompile(`^(400 Bad Request|431 Request Header Fields Too Large|505 HTTP Version Not Supported)(: [a-zA-Z -]+)?$|^Unsupported transfer encoding$`)

// WEB-5, WEB-8: what is refused before the desk sees it, because it is no request or too large a one, is answered in plain
// text that holds nothing of what was sent, with the headers of pages, so that no browser could take it for one; and the
// connection ends there.
func TestWhatIsRefusedOnTheWireSaysNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	s := newSiege(t)
	const mark = "<script>mark</script>"
	end := "\r\nHost: " + s.address + "\r\n\r\n"
	for name, row := range map[string]struct {
		sent   string
		status int
	}{
		"no request":      {mark + "\r\n\r\n", 400},
		"method":          {mark + " / HTTP/1.1" + end, 400},
		"target":          {"GET " + mark + " HTTP/1.1" + end, 400},
		"escape":          {"GET /%zz" + mark + " HTTP/1.1" + end, 400},
		"blank":           {"GET / " + mark + " HTTP/1.1" + end, 400},
		"version":         {"GET / HTTP/" + mark + end, 400},
		"version to come": {"GET /" + mark + " HTTP/3.0" + end, 505},
		"host":            {"GET / HTTP/1.1\r\nHost: " + mark + "\r\n\r\n", 400},
		"no host":         {"GET /" + mark + " HTTP/1.1\r\n\r\n", 400},
		"header":          {"GET / HTTP/1.1\r\n" + mark + ": x" + end, 400},
		"value":           {"GET / HTTP/1.1\r\nX: " + mark + "\x00" + end, 400},
		"length":          {"POST / HTTP/1.1\r\nContent-Length: " + mark + end, 400},
		"coding":          {"POST / HTTP/1.1\r\nTransfer-Encoding: " + mark + end, 501},
		"headers":         {"GET / HTTP/1.1\r\nX: " + strings.Repeat(mark, 1000) + end, 431},
		"many":            {"GET / HTTP/1.1" + strings.Repeat("\r\nX: "+mark, 1000) + end, 431},
		"long target":     {"GET /?" + strings.Repeat(mark, 1000) + " HTTP/1.1" + end, 431},
	} {
		got := s.exchange(t, []byte(row.sent), hostileRow{at: name})
		if len(got.answers) != 1 {
			t.Errorf("%s: %d answers: %.200q", name, len(got.answers), got.raw)
			continue
		}
		a := got.answers[0]
		a.isWellHeaded(t, hostileRow{at: name, by: "wire"})
		if a.status != row.status || !wireWords.MatchString(a.body) || strings.Contains(got.raw, "mark") {
			t.Errorf("%s: %d, not %d: %.300q", name, a.status, row.status, got.raw)
		}
		if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("Connection") != "close" || a.header.Get("Server") != "" {
			t.Errorf("%s: %v", name, a.header)
		}
	}
	for _, line := range []string{"POST /login HTTP/1.1", "HEAD /login HTTP/1.1", "GET /login HTTP/1.0"} {
		got := s.exchange(t, []byte(line+"\r\nExpect: cake"+end), hostileRow{})
		if len(got.answers) != 1 || got.answers[0].status != 417 || strings.Contains(got.raw, "cake") {
			t.Fatalf("an expectation of %s: %q", line, got.raw)
		}
		got.answers[0].isWellHeaded(t, hostileRow{at: line, by: "wire"})
	}
}

// WEB-5, WEB-10: the answer to a host that is none of this machine's is headed as any page, and holds nothing of its name.
func TestStrangeHostIsRefusedWithTheHeadersOfPages(t *testing.T) {
	t.Parallel()
	s := newSiege(t)
	for _, request := range []string{"GET /login", "POST /login", "HEAD /profile", "GET /static/x.css", "GET /nowhere", "OPTIONS *", "TRACE /"} {
		got := s.exchange(t, []byte(request+" HTTP/1.1\r\nHost: evil.test\r\n\r\n"), hostileRow{})
		if len(got.answers) != 1 || got.answers[0].status != 421 || strings.Contains(got.raw, "evil") {
			t.Fatalf("%s: %q", request, got.raw)
		}
		got.answers[0].isWellHeaded(t, hostileRow{at: request, by: "page"})
	}
}
