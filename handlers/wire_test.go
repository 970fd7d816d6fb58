package handlers_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// VER-1, VER-7, VER-10: what comes over the wire in odd forms is answered or refused cleanly, and nothing is taken for a
// good key that was not asked about as one. KEY stands for a good key, OTHER for another.
func TestOddRequestsOnTheWire(t *testing.T) {
	const ask = "GET " + verifyPath + " HTTP/1.1\r\nHost: desk\r\n"
	const good, other, end = "Authorization: Bearer KEY\r\n", "X-API-Key: OTHER\r\n", "\r\n"
	rows := map[string]struct {
		sent  string
		want  []int // the answers, until nothing more comes
		inner []int // and those of the inner address, where it is stricter
	}{
		"one":                          {ask + good + end, []int{200}, nil},
		"pipelined":                    {ask + good + end + ask + end + ask + good + end, []int{200, 401, 200}, nil},
		"pipelined, the middle broken": {ask + good + end + "GET\r\n\r\n" + ask + good + end, []int{200, 400}, nil},
		"closed in the headers":        {ask + good, []int{400}, nil},
		"closed within the key":        {ask + "Authorization: Bearer KE", []int{400}, nil},
		"closed in the request line":   {"GET /api", []int{400}, nil},
		"no Host":                      {"GET " + verifyPath + " HTTP/1.1\r\n" + good + end, []int{400}, nil},
		"two Hosts":                    {ask + "Host: other\r\n" + good + end, []int{400}, nil},
		"HTTP/1.0":                     {"GET " + verifyPath + " HTTP/1.0\r\n" + good + end, []int{200}, nil},
		"HTTP/1.0, kept alive":         {strings.Repeat("GET "+verifyPath+" HTTP/1.0\r\nConnection: keep-alive\r\n"+good+end, 2), []int{200, 200}, nil},
		"HTTP/2":                       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{404}, []int{400}},
		"absolute target":              {"GET http://desk" + verifyPath + " HTTP/1.1\r\nHost: desk\r\n" + good + end, []int{200}, nil},
		"asterisk":                     {"OPTIONS * HTTP/1.1\r\nHost: desk\r\n" + good + end, []int{200}, []int{404}},
		"space before the colon":       {ask + "Authorization : Bearer KEY\r\n" + end, []int{400}, nil},
		"space before the name":        {ask + " Authorization: Bearer KEY\r\n" + end, []int{400}, nil},
		"no name":                      {ask + ": Bearer KEY\r\n" + end, []int{400}, nil},
		"no colon":                     {ask + "Authorization Bearer KEY\r\n" + end, []int{400}, nil},
		"NUL in the key":               {ask + "Authorization: Bearer KEY\x00\r\n" + end, []int{400}, nil},
		"CR in the key":                {ask + "Authorization: Bearer KEY\rX: y\r\n" + end, []int{400}, nil},
		"folded":                       {ask + "Authorization: Bearer\r\n KEY\r\n" + end, []int{200}, nil},
		"small name":                   {ask + "authorization: bearer KEY\r\n" + end, []int{200}, nil},
		"two keys":                     {ask + good + other + end, []int{401}, nil},
		"the same key, ten times":      {ask + strings.Repeat(good, 10) + end, []int{200}, nil},
		"ten keys, the last another":   {ask + strings.Repeat(good, 10) + other + end, []int{401}, nil},
		"key in the target":            {"GET " + verifyPath + "?key=KEY&access_token=KEY HTTP/1.1\r\nHost: desk\r\n" + end, []int{401}, nil},
		"key in the trailer":           {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nTrailer: Authorization\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + good + end, []int{401}, []int{400}},
		"many headers, not too many":   {ask + strings.Repeat("X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 200) + good + end, []int{200}, nil},
		"body":                         {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: 5\r\n" + good + end + "hello", []int{200}, nil},
		"body that asks":               {"GET " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: 300\r\n" + end + ask + good + end, []int{401}, nil},
		"chunks that ask":              {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n" + ask + good + end, []int{401}, nil},
		"length and chunks":            {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n" + ask + good + end, []int{401}, nil},
		"two lengths":                  {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: 5\r\nContent-Length: 6\r\n" + good + end + "hello", []int{400}, nil},
		"negative length":              {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: -1\r\n" + good + end, []int{400}, nil},
		"odd encoding":                 {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nTransfer-Encoding: gzip, chunked\r\n" + good + end, []int{501}, []int{400}},
		"body to be asked for":         {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: 5\r\nExpect: 100-continue\r\n" + good + end, []int{200}, nil},
		"another way to be asked for":  {"POST " + verifyPath + " HTTP/1.1\r\nHost: desk\r\nContent-Length: 5\r\nExpect: 200-ok\r\n" + good + end, []int{417}, []int{200}},
		"upgrade":                      {ask + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n" + good + end, []int{200}, nil},
		"connection drops the key":     {ask + "Connection: Authorization, X-Keydesk-User\r\n" + good + end, []int{200}, nil},
		"asks to be the last":          {ask + "Connection: close\r\n" + good + end + ask + good + end, []int{200}, nil},
		"TLS":                          {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []int{400}, nil},
		"nothing but lines":            {strings.Repeat("\r\n", 100), []int{400}, []int{}},
		"lines without CR":             {strings.ReplaceAll(ask+good+end, "\r\n", "\n"), []int{200}, []int{400}},
		"underscores for dashes":       {ask + "X_Api_Key: KEY\r\n" + end, []int{401}, nil},
		"forwarded for by who is none": {ask + "X-Forwarded-For: 10.0.0.1, \"><script>\r\n" + good + end, []int{200}, nil},
		"control sign in the target":   {"GET " + verifyPath + "/\x01 HTTP/1.1\r\nHost: desk\r\n" + good + end, []int{400}, nil},
		"broken escape in the target":  {"GET " + verifyPath + "/%zz HTTP/1.1\r\nHost: desk\r\n" + good + end, []int{400}, []int{404}},
		"version of one's own":         {"GET " + verifyPath + " HTTP/1.9\r\nHost: desk\r\n" + good + end, []int{200}, nil},
		"method that is none":          {"G<T " + verifyPath + " HTTP/1.1\r\nHost: desk\r\n" + good + end, []int{400}, nil},
	}
	atBoth(t, func(t *testing.T, d *desk) {
		key, _ := d.newKey("alice")
		another, _ := d.newKey("alice")
		for name, row := range rows {
			t.Log(name)
			got := d.exchange(strings.NewReplacer("KEY", key, "OTHER", another).Replace(row.sent))
			want := row.want
			if row.inner != nil && d.asks == d.inner {
				want = row.inner
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: answered %v, want %v", name, got, want)
			}
		}
	})
}

// Headers are bounded at the inner address as they are at the other (cmd/keydesk tests that one, in the true program):
// what is larger is refused, or the connection reset.
func TestHeadersOfTheInnerAddressAreBounded(t *testing.T) {
	d := newDesk(t)
	d.asks = d.inner
	key, _ := d.newKey("alice")
	for name, sent := range map[string]string{
		"one":    " HTTP/1.1\r\nHost: desk\r\nX: " + strings.Repeat("a", 20<<10) + "\r\n",
		"many":   " HTTP/1.1\r\nHost: desk\r\n" + strings.Repeat("X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", 600),
		"target": "/" + strings.Repeat("a", 20<<10) + " HTTP/1.1\r\nHost: desk\r\n",
	} {
		if got := d.exchange("GET " + verifyPath + sent + "X-API-Key: " + key + "\r\n\r\n"); len(got) > 0 && got[0] != 431 {
			t.Errorf("%s: answered %v", name, got)
		}
	}
	d.verify(http.MethodGet, "", bearer(key)).is(http.StatusOK)
}

// exchange sends bytes, ends its side of the connection, and returns the statuses of all that is answered.
func (d *desk) exchange(sent string) (statuses []int) {
	d.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.asks, "http://"))
	d.must(err)
	defer func() { _ = conn.Close() }()
	d.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	if _, err := io.WriteString(conn, sent); err == nil {
		tcp, _ := conn.(*net.TCPConn)
		_ = tcp.CloseWrite() // unless it was reset, having sent too much
	}
	answers := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(answers, nil)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return statuses
		}
		d.must(err)
		_, err = io.Copy(io.Discard, answer.Body)
		d.must(errors.Join(err, answer.Body.Close()))
		if user := answer.Header.Get("X-Keydesk-User"); user != "" && answer.StatusCode != http.StatusOK {
			d.t.Errorf("%d names %s", answer.StatusCode, user)
		}
		statuses = append(statuses, answer.StatusCode)
	}
}
