package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/chromedp/chromedp"
)

// encodings returns the text in every spelling in which it could lie about.
func encodings(text string) map[string][]byte {
	all := map[string][]byte{
		"raw": []byte(text), "hex": []byte(hex.EncodeToString([]byte(text))),
		"HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte(text)))),
	}
	backwards := []byte(text)
	slices.Reverse(backwards)
	all["reversed"] = backwards
	var percent strings.Builder
	var wide []byte
	for i, unit := range utf16.Encode([]rune(text)) {
		percent.WriteString("%" + strings.ToUpper(hex.EncodeToString([]byte{text[i]})))
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	all["percent"], all["UTF-16"] = []byte(percent.String()), wide
	// The text may begin at any place of a group: of each alignment, what does not depend on the neighbours.
	for shift := range 3 {
		padded := bytes.Repeat([]byte{'x'}, shift)
		for name, e := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			coded := e.EncodeToString(append(padded, text...))
			all[name+string(rune('0'+shift))] = []byte(coded[(shift*8+5)/6 : (shift+len(text))*8/6])
		}
	}
	for shift := range 5 {
		coded := base32.StdEncoding.EncodeToString(append(bytes.Repeat([]byte{'x'}, shift), text...))
		all["base32"+string(rune('0'+shift))] = []byte(coded[(shift*8+4)/5 : (shift+len(text))*8/5])
	}
	return all
}

// windowLen is how much of a key in a row counts as found: 16 of its random characters would be 95 bits.
const windowLen = 16

// leaks returns in which encodings a part of the key's random characters, but for the last 4, is in the text.
func leaks(haystack []byte, secret string) (found []string) {
	random := secret[3 : len(secret)-4]
	for at := 0; at+windowLen <= len(random); at++ {
		for name, needle := range encodings(random[at : at+windowLen]) {
			if bytes.Contains(haystack, needle) && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// everywhere returns all that the desk has written or shows, by name.
func (d *desk) everywhere(pages ...string) map[string][]byte {
	d.t.Helper()
	all := map[string][]byte{"log": []byte(d.log.String()), "standard output": []byte(d.out.String())}
	files, err := filepath.Glob(filepath.Join(d.dir, "*"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			d.t.Fatal(err)
		}
		all[filepath.Base(file)] = content
	}
	for _, user := range []string{"alice", "bob", "root"} {
		v := d.signIn(user)
		for _, page := range pages {
			all[user+" "+page] = []byte(v.get(page).body)
		}
	}
	return all
}

// REV-1, REV-4: the key is in the one answer that reveals it, and nowhere else.
func TestCanaryKeyIsNowhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "--log-level=debug")
	b := d.open()
	b.signIn("alice", password)
	canary := b.newKey()
	b.do(chromedp.SendKeys("#name", "canary"), chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))

	// People and programs put keys where they do not belong.
	d.verify(canary)
	d.verify(canary[:len(canary)-1] + "0")
	alice := d.signIn("alice")
	for _, path := range []string{
		"/api/v1/verify?key=" + canary, "/api/v1/verify/" + canary, "/profile/keys?after=" + canary,
		"/profile/keys/" + canary + "/deactivate", "/login?next=/" + canary, "/" + canary,
	} {
		alice.get(path)
	}
	d.visitor().post("/login", url.Values{"user_id": {canary}, "password": {canary}})
	alice.send(http.MethodPost, "/profile/keys", url.Values{"once": {canary + canary}}, http.Header{"Authorization": {"Bearer " + canary}})
	id := eval[string](b, `document.querySelector("#keys tr").id.slice(4)`)
	alice.post("/profile/keys/"+id+"/deactivate", url.Values{})
	d.verify(canary)

	places := d.everywhere("/", "/login", "/profile/keys", "/profile/keys/"+id+"/deactivate", "/admin/users", "/admin/users/alice",
		"/admin/users/export.csv", "/admin/history", "/admin/history?tab=changes", "/admin/keys/"+id+"/deactivate", "/nowhere")
	for name, content := range places {
		if found := leaks(content, canary); found != nil {
			t.Errorf("the key is in %s: %v", name, found)
		}
	}

	// The control: the search finds what is there.
	for _, place := range []string{"keydesk.db-wal", "alice /profile/keys", "root /admin/users/export.csv"} {
		if !bytes.Contains(places[place], []byte(canary[len(canary)-4:])) {
			t.Errorf("the last 4 characters are not in %s: the search looks in the wrong place", place)
		}
	}
	if !strings.Contains(d.log.String(), `"level":"DEBUG"`) {
		t.Error("the log holds no debug line: the search looks in the wrong place")
	}
	for name, coded := range encodings("ab" + canary + "z") {
		if leaks(append([]byte("something before "), coded...), canary) == nil {
			t.Errorf("the search does not find the key as %s", name)
		}
	}
}
