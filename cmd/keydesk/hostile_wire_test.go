package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// barrage is what came back for one request.
type barrage struct {
	raw     string
	invited bool // 100 Continue came first
	answers []reply
}

// attack sends the request of a row as it stands, so that no client can tidy it.
func (s *siege) attack(t *testing.T, row hostileRow) barrage {
	t.Helper()
	request := s.fill(t, row.request)
	if row.who == "raw" {
		return s.exchange(t, []byte(request), row)
	}
	if !strings.Contains(request, " HTTP/") {
		request += " HTTP/1.1"
	}
	headers := strings.Split(s.fill(t, row.headers), " ^ ")
	headers = slices.DeleteFunc(headers, func(line string) bool { return strings.TrimSpace(line) == "" })
	given := func(name string) bool {
		return slices.ContainsFunc(headers, func(line string) bool {
			return strings.HasPrefix(strings.ToLower(line), strings.ToLower(name))
		})
	}
	if !given("Host") {
		headers = append([]string{"Host: " + s.address}, headers...)
	}
	headers = slices.DeleteFunc(headers, func(line string) bool { return line == "Host" }) // the bare word: none at all
	if cookie, ok := s.cookies[row.who]; ok {
		headers = append(headers, "Cookie: keydesk="+cookie)
	} else if row.who != "nobody" {
		t.Fatalf("%s: nobody is called %q", row.at, row.who)
	}
	body := s.fill(t, row.body)
	if !given("Content-Length") && !given("Transfer-Encoding") && (body != "" || strings.HasPrefix(request, "POST ")) {
		headers = append(headers, "Content-Length: "+strconv.Itoa(len(body)))
		if !given("Content-Type") && body != "" {
			headers = append(headers, "Content-Type: application/x-www-form-urlencoded")
		}
	}
	return s.exchange(t, []byte(request+"\r\n"+strings.Join(headers, "\r\n")+"\r\n\r\n"+body), row)
}

// exchange sends the bytes and reads all answers, up to the end of the connection.
func (s *siege) exchange(t *testing.T, request []byte, row hostileRow) (got barrage) {
	t.Helper()
	dialled, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	conn, ok := dialled.(*net.TCPConn)
	if !ok {
		t.Fatalf("%T is no connection that can be closed on one side", dialled)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(14 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = conn.Write(request) // a server that has heard enough hangs up
		if row.has("eof") {
			_ = conn.CloseWrite()
		}
	}()
	var raw bytes.Buffer
	defer func() { got.raw = raw.String() }()
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	method, _, _ := strings.Cut(string(request), " ")
	for {
		answer, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
				t.Errorf("%s: the desk neither answers nor hangs up", row.at)
			}
			return got
		}
		if answer.StatusCode == http.StatusContinue {
			got.invited = true
			continue
		}
		if answer.Close {
			answer.Header.Set("Connection", "close") // which Go takes out of the header
		}
		body, err := readAll(answer)
		if err != nil {
			t.Errorf("%s: an answer is broken off: %v", row.at, err)
		}
		got.answers = append(got.answers, reply{answer.StatusCode, answer.Header, body})
		if len(got.answers) == row.count("answers", 1) {
			_ = conn.CloseWrite() // nothing more comes, so what is answered from here on was smuggled
		}
	}
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
