package handlers_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

const verifyPath = "/api/v1/verify"

func bearer(secret string) http.Header { return http.Header{"Authorization": {"Bearer " + secret}} }

// atBoth runs a test at a desk's own address and at the inner one of another, which answer verify alike.
func atBoth(t *testing.T, test func(*testing.T, *desk)) {
	t.Run("desk", func(t *testing.T) { test(t, newDesk(t)) })
	t.Run("inner", func(t *testing.T) {
		d := newDesk(t)
		d.asks = d.inner
		test(t, d)
	})
}

// verify asks, at a path below verify, with these headers.
func (d *desk) verify(method, below string, header http.Header) reply {
	d.t.Helper()
	v := d.caller()
	v.header = header
	return v.send(method, verifyPath+below, "", "")
}

// headers fails unless the answer has exactly these headers, and those that HTTP itself adds.
func (r reply) headers(t *testing.T, want map[string]string) {
	t.Helper()
	names := slices.Concat([]string{"Content-Length", "Date"}, slices.Collect(maps.Keys(want)))
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(r.header)); !slices.Equal(got, names) {
		t.Errorf("the headers are %s, not %s", got, names)
	}
	for name, content := range want {
		if got := r.header.Values(name); len(got) != 1 || got[0] != content {
			t.Errorf("%s: %q, not %q", name, got, content)
		}
	}
}

// VER-8, VER-10: a good key is answered with the ids of its owner and of itself, to be kept by nobody.
func TestGoodKeyIsAccepted(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, id := d.newKey("alice")
		got := d.verify(http.MethodGet, "", bearer(secret)).is(http.StatusOK)
		got.headers(t, map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"X-Keydesk-User": "alice", "X-Keydesk-Key": id,
		})
		var body map[string]any
		d.must(json.Unmarshal([]byte(got.body), &body))
		want := map[string]any{
			"valid": true, "user_id": "alice", "key_id": id, "masked_key": "********" + secret[len(secret)-4:], "expires_at": nil,
		}
		if !maps.Equal(body, want) {
			t.Errorf("the body says %v", body)
		}
	})
}

func TestAnyMethodAndPathBelowVerifyAsks(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		secret, _ := d.newKey("alice")
		for _, method := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
			http.MethodOptions, "PURGE", "QUERY", "LOCK", "PROPFIND", "MKCOL",
		} {
			for _, below := range []string{"", "/", "/orders/1", "//", "/../x", "/%2f%00", "?a=b", "/healthz"} {
				v := d.caller()
				if got := v.raw(method, verifyPath+below); got.status != http.StatusUnauthorized {
					t.Errorf("%s %s without a key: %d", method, below, got.status)
				}
				v.header = bearer(secret)
				got := v.raw(method, verifyPath+below)
				if got.status != http.StatusOK || got.header.Get("X-Keydesk-User") != "alice" || (got.body == "") != (method == http.MethodHead) {
					t.Errorf("%s %s: %d %s", method, below, got.status, got.body)
				}
			}
		}
	})
}

// VER-1, KEY-10: where a key is taken from, and what is said when it is not good.
func TestVerifyTakesAKeyFromTwoHeadersOnly(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		good, _ := d.newKey("alice")
		second, _ := d.newKey("alice")
		ended, id := d.newKey("bob")
		d.signIn("bob").post("/profile/keys/"+id+"/deactivate", nil).is(http.StatusSeeOther)
		unknown := access.NewSecret(access.DefaultPrefix).Reveal()
		last := good[len(good)-1:]
		typo := good[:len(good)-1] + map[bool]string{true: "1", false: "0"}[last == "0"]
		authorization := func(values ...string) http.Header { return http.Header{"Authorization": values} }
		both := func(authorization, key string) http.Header {
			return http.Header{"Authorization": {authorization}, "X-Api-Key": {key}}
		}
		for name, c := range map[string]struct {
			header http.Header
			code   string // empty: accepted
		}{
			"bearer":                    {bearer(good), ""},
			"bearer, small":             {authorization("bearer " + good), ""},
			"bearer, odd":               {authorization("BeArEr " + good), ""},
			"bearer, spaces":            {authorization("Bearer   " + good + "  "), ""},
			"bearer, tab":               {authorization("Bearer\t" + good), ""},
			"X-API-Key":                 {http.Header{"X-Api-Key": {good}}, ""},
			"both, the same":            {both("Bearer "+good, good), ""},
			"twice, the same":           {http.Header{"X-Api-Key": {good, good}}, ""},
			"X-API-Key beside Basic":    {both("Basic YWxpY2U6cGFzcw==", good), ""},
			"X-API-Key beside Digest":   {both("Digest username=alice", good), ""},
			"X-API-Key, empty bearer":   {both("Bearer ", good), ""},
			"none":                      {nil, "missing"},
			"bearer alone":              {authorization("Bearer"), "missing"},
			"bearer and space":          {authorization("Bearer "), "missing"},
			"empty X-API-Key":           {http.Header{"X-Api-Key": {""}}, "missing"},
			"Basic":                     {authorization("Basic " + good), "missing"},
			"no scheme":                 {authorization(good), "missing"},
			"scheme that begins so":     {authorization("Bearers " + good), "missing"},
			"proxy's":                   {http.Header{"Proxy-Authorization": {"Bearer " + good}}, "missing"},
			"cookie":                    {http.Header{"Cookie": {"key=" + good + "; keydesk=" + good}}, "missing"},
			"another header":            {http.Header{"X-Keydesk-Key": {good}, "Api-Key": {good}, "X_api_key": {good}}, "missing"},
			"what the gateway is told":  {http.Header{"X-Keydesk-User": {"alice"}, "X-Forwarded-User": {"alice"}}, "missing"},
			"as said to a proxy":        {http.Header{"X-Forwarded-Authorization": {"Bearer " + good}}, "missing"},
			"no key":                    {bearer("letmein"), "malformed"},
			"checksum":                  {bearer(typo), "malformed"},
			"cut off":                   {bearer(good[:len(good)-1]), "malformed"},
			"longer":                    {bearer(good + "0"), "malformed"},
			"two in one":                {bearer(good + " " + good), "malformed"},
			"list":                      {http.Header{"X-Api-Key": {good + ", " + good}}, "malformed"},
			"masked":                    {bearer("********" + good[len(good)-4:]), "malformed"},
			"capitals":                  {bearer(strings.ToUpper(good)), "malformed"},
			"quoted":                    {bearer(`"` + good + `"`), "malformed"},
			"very long":                 {bearer(strings.Repeat("A", 8<<10)), "malformed"},
			"two keys":                  {both("Bearer "+good, second), "conflict"},
			"two keys in one header":    {http.Header{"X-Api-Key": {good, second}}, "conflict"},
			"two bearers":               {authorization("Bearer "+good, "Bearer "+second), "conflict"},
			"good and bad":              {both("Bearer "+good, "letmein"), "conflict"},
			"bad and good":              {both("Bearer letmein", good), "conflict"},
			"good and deactivated":      {both("Bearer "+ended, good), "conflict"},
			"never made":                {bearer(unknown), "unknown"},
			"never made, in X-API-Key":  {http.Header{"X-Api-Key": {unknown}}, "unknown"},
			"deactivated":               {bearer(ended), "deactivated"},
			"deactivated, in X-API-Key": {http.Header{"X-Api-Key": {ended}}, "deactivated"},
		} {
			t.Run(name, func(t *testing.T) {
				got := d.verify(http.MethodGet, "", c.header)
				if c.code == "" {
					got.is(http.StatusOK)
					return
				}
				refusedWith(t, got, c.code)
			})
		}
		for _, below := range []string{"?key=", "?access_token=", "?api_key=", "?X-API-Key=", "/", "/Bearer%20", "?token="} {
			refusedWith(t, d.verify(http.MethodGet, below+good, nil), "missing")
		}
		refusedWith(t, d.caller().send(http.MethodPost, verifyPath, urlEncoded, "access_token="+good+"&key="+good), "missing")
		refusedWith(t, d.caller().send(http.MethodPost, verifyPath, "application/json", `{"key":"`+good+`"}`), "missing")
	})
}

// refusedWith checks a refusal to the letter (RFC 9457, RFC 6750). It names nobody (VER-3).
func refusedWith(t *testing.T, got reply, code string) {
	t.Helper()
	if got.status != http.StatusUnauthorized {
		t.Errorf("%d, not 401: %s", got.status, got.body)
	}
	challenge := `Bearer error="invalid_token"`
	if code == "missing" {
		challenge = "Bearer"
	}
	got.headers(t, map[string]string{
		"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Www-Authenticate": challenge,
	})
	var body struct {
		Type, Title, Code, Detail string
		Status                    int
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Type != "about:blank" || body.Title != "Unauthorized" || body.Status != 401 || body.Code != code || body.Detail == "" {
		t.Errorf("the body says %+v, not %s", body, code)
	}
}

// VER-9: what is accepted is a use, and what is refused of a key that was deactivated is counted too: it tells of a leak.
func TestUsesAreCountedByCaller(t *testing.T) {
	atBoth(t, func(t *testing.T, d *desk) {
		good, id := d.newKey("alice")
		ended, endedID := d.newKey("bob")
		d.signIn("bob").post("/profile/keys/"+endedID+"/deactivate", nil).is(http.StatusSeeOther)
		from := func(key string, services ...string) http.Header {
			h := bearer(key)
			h["X-Keydesk-Service"] = services
			return h
		}
		for _, header := range []http.Header{
			nil, bearer("letmein"), bearer(access.NewSecret("kd_").Reveal()),
			{"Authorization": {"Bearer " + good}, "X-Api-Key": {ended}},
		} {
			d.verify(http.MethodGet, "", header).is(http.StatusUnauthorized)
		}
		if uses := d.uses.Take(); len(uses) > 0 {
			t.Errorf("of no key there are uses: %v", uses)
		}
		first := d.db.Now()
		d.verify(http.MethodGet, "", from(good, "billing", "another")).is(http.StatusOK)
		d.verify(http.MethodGet, "", bearer(ended)).is(http.StatusUnauthorized)
		d.later(90 * time.Second)
		d.verify(http.MethodHead, "/below", from(good, "billing")).is(http.StatusOK)
		d.verify(http.MethodGet, "", from(good, "<script>")).is(http.StatusOK)
		d.verify(http.MethodGet, "", from(good, good)).is(http.StatusOK)
		now, day := d.db.Now(), access.Day(first)
		want := []access.Use{
			{Key: d.number(id), Day: day, Service: "(other)", Accepted: 2, LastAt: now, UsedAt: now},
			{Key: d.number(id), Day: day, Service: "billing", Address: "127.0.0.1", Accepted: 2, LastAt: now, UsedAt: now},
			{Key: d.number(endedID), Day: day, Address: "127.0.0.1", Refused: 1, LastAt: first},
		}
		if uses := d.uses.Take(); !slices.Equal(uses, want) {
			t.Errorf("the uses are %+v, want %+v", uses, want)
		}
	})
}
