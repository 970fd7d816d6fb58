package handlers_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const bodyLimit = 64 << 10

// DOS-1: a body has at most 64 KiB, in whatever form.
func TestBodyIsLimited(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice, root := d.signIn("alice"), d.signIn("root")
	before := d.state()
	pad := func(field string, size int) string { return field + "=" + strings.Repeat("x", size-len(field)-1) }
	for name, c := range map[string]struct {
		who         *visitor
		path, field string
		fits        int
	}{
		"sign-in":    {d.visitor(), "/login", "password", 422},
		"new key":    {alice, "/profile/keys", "once", 422},
		"name":       {alice, "/profile/keys/" + key, "name", 422},
		"reason":     {root, "/admin/keys/" + key + "/deactivate", "reason", 422},
		"not a word": {d.visitor(), "/login", "padding", 422},
	} {
		t.Run(name, func(t *testing.T) {
			c.who.send(http.MethodPost, c.path, urlEncoded, pad(c.field, bodyLimit)).is(c.fits)
			got := c.who.send(http.MethodPost, c.path, urlEncoded, pad(c.field, bodyLimit+1)).is(http.StatusRequestEntityTooLarge)
			one(t, got.page(), tag("p"), saying("That is more than this desk takes"))
			mixed, parts := multipartForm(t, url.Values{c.field: {strings.Repeat("x", bodyLimit)}})
			c.who.send(http.MethodPost, c.path, mixed, parts).is(http.StatusRequestEntityTooLarge)
		})
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

func TestFormThatDoesNotParseIsRefused(t *testing.T) {
	d := newDesk(t)
	alice := d.signIn("alice")
	before := d.state()
	for name, c := range map[string][2]string{
		"bad escape":    {urlEncoded, "once=%zz"},
		"no boundary":   {"multipart/form-data", "x"},
		"broken off":    {"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"once\"\r\n\r\n1"},
		"not multipart": {"multipart/form-data; boundary=b", "once=1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := alice.send(http.MethodPost, "/profile/keys", c[0], c[1]).is(http.StatusBadRequest)
			one(t, got.page(), tag("p"), saying("That request could not be read."))
		})
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

// WEB-11: a page takes its own methods only, and says which; TRACE is off.
func TestOtherMethodsAreRefused(t *testing.T) {
	d := newDesk(t)
	methods := map[string][]string{}
	for _, line := range d.app.Table() {
		method, path, _ := strings.Cut(line, " ")
		path = strings.NewReplacer(":id", "1", ":name", "1").Replace(path)
		methods[path] = append(methods[path], method)
		if method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead)
		}
	}
	root := d.signIn("root")
	for path, allowed := range methods {
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
			http.MethodTrace, "PURGE", "QUERY", "LOCK", "PROPFIND", "get", "NONSENSE",
		} {
			if slices.Contains(allowed, method) {
				continue
			}
			got := root.raw(method, path)
			named := strings.Split(got.header.Get("Allow"), ", ")
			for _, want := range allowed {
				if got.status != http.StatusMethodNotAllowed || !slices.Contains(named, want) || slices.Contains(named, method) {
					t.Errorf("%s %s: %d, Allow: %s", method, path, got.status, named)
				}
			}
			if strings.Contains(got.body, root.cookie.Value) {
				t.Errorf("%s %s gives the cookie back", method, path)
			}
		}
	}
}

func TestHeadIsAnsweredAsGetWithoutTheBody(t *testing.T) {
	d := newDesk(t)
	for _, v := range []*visitor{d.visitor(), d.signIn("alice"), d.signIn("root")} {
		for _, path := range []string{
			"/", "/login", "/profile/keys", "/admin/users", "/admin/users/alice", "/admin/users/nobody", "/admin/users/export.csv",
			"/admin/users/export.csv?status=bad", "/admin/history", "/healthz", "/readyz", "/nowhere",
		} {
			got, want := v.send(http.MethodHead, path, "", ""), v.get(path)
			if got.status != want.status || got.body != "" ||
				got.header.Get("Content-Type") != want.header.Get("Content-Type") ||
				got.header.Get("Content-Disposition") != want.header.Get("Content-Disposition") ||
				got.header.Get("Location") != want.header.Get("Location") {
				t.Errorf("HEAD %s: %d %v, GET: %d %v", path, got.status, got.header, want.status, want.header)
			}
		}
	}
}

// DOS-1: also where the handler reads no body.
func TestLargeBodyIsRefusedWhereItIsNotRead(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	large := url.Values{"filler": {strings.Repeat("x", 200<<10)}}
	for _, path := range []string{"/profile/keys", "/profile/keys/" + key + "/deactivate", "/logout"} {
		alice.post(path, large).is(http.StatusRequestEntityTooLarge)
	}
}

// DOS-1: a URL has at most 8 KiB, and nothing that was packed is unpacked.
func TestLongURLAndPackedBodyAreRefused(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	before := d.state()
	fits := "/profile/keys?x=" + strings.Repeat("x", 8<<10-len("/profile/keys?x="))
	alice.get(fits).is(http.StatusOK)
	alice.get(fits + "x").is(http.StatusRequestURITooLong)
	for _, coding := range []string{"gzip", "deflate", "br", "zstd", "gzip, identity", "x"} {
		packed := alice.with("Content-Encoding", coding).post("/profile/keys/"+key, url.Values{"name": {"packed"}})
		packed.is(http.StatusUnsupportedMediaType)
	}
	if d.state() != before {
		t.Error("something was changed")
	}
}

// DOS-1: a form of many parts, or of many fields, or one that never ends, is taken apart no further than 64 KiB of it, and takes
// what any form takes.
func TestLargestFormsAreOrdinaryOnes(t *testing.T) {
	d := newDesk(t)
	_, key := d.newKey("alice")
	alice := d.signIn("alice")
	parts := strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n", 1200) +
		"--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nlaptop\r\n--b--\r\n"
	for name, form := range map[string]struct{ kind, body string }{
		"many fields":      {"application/x-www-form-urlencoded", strings.Repeat("x&", 16_000) + "name=laptop"},
		"one field deeply": {"application/x-www-form-urlencoded", "name" + strings.Repeat("[a]", 10_000) + "=x&name=laptop"},
		"many parts":       {"multipart/form-data; boundary=b", parts},
	} {
		got := alice.send(http.MethodPost, "/profile/keys/"+key, form.kind, form.body)
		if got.status != http.StatusSeeOther && got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	if got := value[string](d, `SELECT name FROM keys WHERE id = ?`, key); got != "laptop" {
		t.Errorf("the key is called %q", got)
	}
	endless, writer := io.Pipe()
	sent := make(chan int, 1)
	go func() {
		n := 0
		for {
			written, err := writer.Write(bytes.Repeat([]byte("x&"), 4096))
			if n += written; err != nil {
				sent <- n
				return
			}
		}
	}()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/theme", endless)
	d.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := d.web.Do(r)
	d.must(err)
	read(t, answer).is(http.StatusRequestEntityTooLarge)
	d.must(answer.Body.Close())
	d.must(endless.Close())
	if n := <-sent; n > 16<<20 {
		t.Errorf("%d bytes of an endless form were taken", n)
	}
}
