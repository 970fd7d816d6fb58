package main

import (
	"crypto/tls"
	"encoding/hex"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// smuggled returns requests in which a proxy and a desk could see differently many, by what they do: there is one of outer, and
// hidden in it what must never be answered.
func smuggled(host, outer, hidden string) map[string]string {
	head := outer + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	length := "Content-Length: " + strconv.Itoa(len(hidden)) + "\r\n"
	whole := "Content-Length: " + strconv.Itoa(len(hidden)+5) + "\r\n" // with an end of chunks before it
	chunked, end := "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"
	size := strconv.FormatInt(int64(len(hidden)), 16)
	return map[string]string{
		"body":                                   head + length + "\r\n" + hidden,
		"length and chunks (CL.TE)":              head + whole + chunked + "\r\n" + end + hidden,
		"chunks and length (TE.CL)":              head + chunked + "Content-Length: 4\r\n\r\n" + size + "\r\n" + hidden + "\r\n" + end,
		"no length and a body":                   head + "Content-Length: 0\r\nContent-Length: " + strconv.Itoa(len(hidden)) + "\r\n\r\n" + hidden,
		"two lengths":                            head + length + "Content-Length: 0\r\n\r\n" + hidden,
		"two lengths in a line":                  head + "Content-Length: 0, " + strconv.Itoa(len(hidden)) + "\r\n\r\n" + hidden,
		"length with a plus":                     head + "Content-Length: +" + strconv.Itoa(len(hidden)) + "\r\n\r\n" + hidden,
		"blank before the colon of the length":   head + "Content-Length : " + strconv.Itoa(len(hidden)) + "\r\n\r\n" + hidden,
		"blank before the colon of the chunks":   head + whole + "Transfer-Encoding : chunked\r\n\r\n" + end + hidden,
		"tab in the coding":                      head + whole + "Transfer-Encoding:\tchunked\r\n\r\n" + end + hidden,
		"vertical tab in the coding":             head + whole + "Transfer-Encoding: \x0bchunked\r\n\r\n" + end + hidden,
		"another coding (TE.TE)":                 head + whole + "Transfer-Encoding: xchunked\r\n\r\n" + end + hidden,
		"two codings (TE.TE)":                    head + whole + chunked + "Transfer-Encoding: x\r\n\r\n" + end + hidden,
		"coding in a list (TE.TE)":               head + whole + "Transfer-Encoding: identity, chunked\r\n\r\n" + end + hidden,
		"quoted coding (TE.TE)":                  head + whole + "Transfer-Encoding: \"chunked\"\r\n\r\n" + end + hidden,
		"coding on a folded line":                head + whole + "Transfer-Encoding:\r\n chunked\r\n\r\n" + end + hidden,
		"length on a folded line":                head + "X: x\r\n Content-Length: 5\r\n" + chunked + "\r\n" + end + hidden,
		"coding behind a line feed":              head + whole + "X: x\n" + chunked + "\r\n" + end + hidden,
		"coding behind a carriage return":        head + whole + "X: x\rTransfer-Encoding: chunked\r\n\r\n" + end + hidden,
		"coding with an underscore":              head + whole + "Transfer_Encoding: chunked\r\n\r\n" + end + hidden,
		"lines that end with line feeds":         strings.ReplaceAll(head+whole+"\r\n", "\r\n", "\n") + end + hidden,
		"chunk with an extension":                head + chunked + "\r\n" + size + ";x=\"\r\n\"\r\n" + hidden + "\r\n" + end,
		"chunk with a line feed in an extension": head + chunked + "\r\n2;\nxx\r\n" + size + "\r\n" + end + hidden,
		"chunk with 0x":                          head + chunked + "\r\n0x" + size + "\r\n" + hidden + "\r\n" + end,
		"chunk of a size beyond 64 bits":         head + chunked + "\r\n10000000000000000\r\n\r\n" + hidden,
		"chunks that end with line feeds":        head + chunked + "\r\n0\n\n" + hidden,
		"trailer":                                head + chunked + "\r\n0\r\nContent-Length: 5\r\nX: " + strings.ReplaceAll(hidden, "\r\n", "\r") + "\r\n\r\n",
		"HTTP/1.0 with chunks":                   strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "Connection: keep-alive\r\n" + whole + chunked + "\r\n" + end + hidden,
		"HTTP/0.9":                               strings.Replace(outer, "POST", "GET", 1) + "\r\n" + hidden,
		"absolute form":                          strings.Replace(head, " /", " http://"+host+"/", 1) + length + "\r\n" + hidden,
		"upgrade":                                head + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" + length + "\r\n" + hidden,
		"length dropped on the way":              head + "Connection: Content-Length\r\n" + length + "\r\n" + hidden,
		"leave asked for the body":               head + "Expect: 100-continue\r\n" + length + "\r\n" + hidden,
	}
}

// blurt sends bytes as they stand and returns what comes back within a while, with how many answers that is.
func blurt(t *testing.T, dial func() (net.Conn, error), request string) (said string, answers int) {
	t.Helper()
	conn, err := dial()
	if err != nil {
		t.Error(err)
		return "", 0
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(conn, request)
	all, _ := io.ReadAll(conn)
	said = string(all)
	return said, strings.Count(said, "HTTP/1.1 ") + strings.Count(said, "HTTP/1.0 ") - strings.Count(said, "HTTP/1.1 100")
}

// unanswered is how each says that no desk is there.
var unanswered = map[string]int{"nginx": http.StatusBadGateway, "caddy": http.StatusBadGateway, "haproxy": http.StatusServiceUnavailable}

// DOS-4: what stands hidden in another request, by whichever way two readers of it could differ, never reaches the desk as a
// request that the proxy did not take for one: it has as many as are answered, and who comes next gets the own answer. So it is
// directly too, behind each proxy as deploy/ has it, and behind HAProxy.
func TestNothingIsSmuggledToTheDesk(t *testing.T) {
	behind := map[string]func(*front) *exec.Cmd{"": nil, "haproxy": (*front).haproxy}
	maps.Copy(behind, proxies())
	for name, program := range behind {
		t.Run("behind "+name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, "localhost", 1)
			dial := func() (net.Conn, error) { return net.Dial("tcp", f.desks[0]) }
			if program != nil {
				f.startUntil(program, unanswered[name])
				dial = func() (net.Conn, error) {
					return tls.Dial("tcp", f.tls, &tls.Config{RootCAs: f.roots, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
				}
			}
			d := newDesk(t, f.flags(0)...)
			host := strings.TrimPrefix(f.base, "https://")
			post := func(path, cookie, form string, headers ...string) string {
				return "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nCookie: " + cookie + "\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
					strings.Join(headers, "") + "Content-Length: " + strconv.Itoa(len(form)) + "\r\n\r\n" + form
			}
			in, _ := blurt(t, dial, post("/login", "a=b", signInForm("root", password).Encode(), "Connection: close\r\n"))
			_, rest, _ := strings.Cut(in, "__Host-keydesk=")
			session, _, _ := strings.Cut(rest, ";")
			hidden := func(user string) string {
				return post("/admin/users", "__Host-keydesk="+session, "role=user&user_id="+user)
			}
			if blurt(t, dial, hidden("eve")); d.count(`SELECT count(*) FROM users WHERE id = 'eve'`) != 1 {
				t.Fatalf("the request does nothing where it is not hidden either: %q", in)
			}
			before, answered := d.requests(), atomic.Int64{}
			var sending sync.WaitGroup
			for what := range smuggled(host, "POST /theme", "") {
				user := "m-" + hex.EncodeToString([]byte(what))[:min(2*len(what), 60)]
				request := smuggled(host, "POST /theme", hidden(user))[what]
				sending.Go(func() {
					said, answers := blurt(t, dial, request)
					answered.Add(int64(answers))
					if made := d.count(`SELECT count(*) FROM users WHERE id = '` + user + `'`); made > 0 && (name == "" || made >= answers) {
						t.Errorf("%s: the hidden request was carried out: %q", what, said)
					}
				})
			}
			sending.Wait()
			if came := d.requests() - before; int64(came) > answered.Load() || came == 0 {
				t.Errorf("%d requests came to the desk, %d were answered", came, answered.Load())
			}
			for range 15 { // over all connections that the proxy keeps
				got, _ := blurt(t, dial, "GET /healthz HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
				if !strings.Contains(got, " 200 ") || !strings.HasSuffix(got, "ok\n") {
					t.Errorf("who comes next is told %q", got)
				}
			}
		})
	}
}

// requests returns how many requests the log has.
func (d *desk) requests() int { return strings.Count(d.log.String(), `"msg":"request"`) }

// DOS-4: nor does it reach the service behind a gateway.
func TestNothingIsSmuggledThroughAGateway(t *testing.T) {
	for name := range gateways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, name)
			dial := func() (net.Conn, error) {
				return tls.Dial("tcp", g.tls, &tls.Config{RootCAs: g.roots, ServerName: apiHost, NextProtos: []string{"http/1.1"}})
			}
			g.take()
			answered := atomic.Int64{}
			var sending sync.WaitGroup
			for _, request := range smuggled(apiHost, "POST /orders", "GET /hidden HTTP/1.1\r\nHost: "+apiHost+"\r\nX-Keydesk-User: root\r\n\r\n") {
				sending.Go(func() {
					_, answers := blurt(t, dial, strings.Replace(request, "\r\n", "\r\nX-API-Key: "+g.secret+"\r\n", 1))
					answered.Add(int64(answers))
				})
			}
			sending.Wait()
			served, _ := g.service.take()
			if int64(len(served)) > answered.Load() || len(served) == 0 {
				t.Errorf("the service got %d requests, %d were answered", len(served), answered.Load())
			}
			for _, s := range served {
				if s.uri == "/hidden" {
					t.Errorf("the hidden request, which has no key, was served: %+v", s)
				}
			}
			for range 15 {
				if next := g.send(t, "GET /healthz", nil, ""); next.status != http.StatusOK || next.body != "served" {
					t.Errorf("who comes next is told %d %q", next.status, next.body)
				}
			}
		})
	}
}
