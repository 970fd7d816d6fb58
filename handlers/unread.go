package handlers

import (
	"bytes"
	"regexp"
	"strings"
)

// ownAnswer is the whole of what net/http answers by itself: to what it cannot read as a request, or to an expectation that
// it does not know. No handler sees either, so its answer has no headers of ours. What people write is never answered
// without more around it, and so is not taken for one.
var ownAnswer = regexp.MustCompile(`^HTTP/1\.[01] ([45]\d\d [A-Za-z :-]+\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n[A-Za-z0-9 :-]*` +
	`|417 Expectation Failed\r\n((Connection|Content-Length|Date): [^\r\n]+\r\n)+\r\n)$`)

// longestOwn is more bytes than any of them has.
const longestOwn = 300

// PageHeaders returns the headers of pages, each with its line's end, for LimitConnections.
func (a *App) PageHeaders() string {
	var lines strings.Builder
	for _, h := range a.headers {
		lines.WriteString(h.name + ": " + h.value + "\r\n")
	}
	return lines.String()
}

// Write writes what is answered, with the headers of pages where net/http answers by itself.
func (p *peer) Write(b []byte) (int, error) {
	if p.of.headers == "" || len(b) > longestOwn || !ownAnswer.Match(b) {
		return p.TCPConn.Write(b)
	}
	status, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if _, err := p.TCPConn.Write([]byte(string(status) + "\r\n" + p.of.headers + string(rest))); err != nil {
		return 0, err
	}
	return len(b), nil
}
