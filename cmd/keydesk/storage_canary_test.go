package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// stored is all that a page can keep in the browser: a promise of an object of texts.
const stored = `(async () => {
	const all = {localStorage: JSON.stringify({...localStorage}), sessionStorage: JSON.stringify({...sessionStorage}),
		history: JSON.stringify(history.state), name: window.name, cookies: document.cookie, databases: "", caches: ""};
	const done = request => new Promise((yes, no) => { request.onsuccess = () => yes(request.result); request.onerror = no });
	for (const {name} of await indexedDB.databases()) {
		const db = await done(indexedDB.open(name));
		for (const store of db.objectStoreNames)
			all.databases += name + store + JSON.stringify(await done(db.transaction(store).objectStore(store).getAll()));
		db.close();
	}
	for (const name of await caches.keys()) {
		const cache = await caches.open(name);
		for (const request of await cache.keys()) all.caches += request.url + await (await cache.match(request)).text();
	}
	return JSON.stringify(all)
})()`

// store keeps the text in every one of those places, but for the name and the cookies.
func store(text string) string {
	return `(async () => {
	localStorage.a = sessionStorage.a = "` + text + `";
	history.replaceState("` + text + `", "");
	const request = indexedDB.open("d");
	request.onupgradeneeded = () => request.result.createObjectStore("s").put("` + text + `", 1);
	await new Promise(r => request.onsuccess = r);
	request.result.close();
	await (await caches.open("c")).put("/a", new Response("` + text + `"));
	return null
})()`
}

// REV-3: a key is in nothing that a page keeps in the browser. REV-5: nor in any file of the browser's.
func TestCanaryKeyIsNotKeptByTheBrowser(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	b.signIn("alice", password)
	canary := b.newKey()
	clean := func(when string) {
		t.Helper()
		kept := eval[string](b, stored)
		if found := leaks([]byte(kept), canary); found != nil {
			t.Errorf("%s the browser keeps the key: %v: %s", when, found, kept)
		}
	}
	clean("while it is shown")
	b.do(chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"))
	clean("when it is copied")
	b.do(chromedp.SendKeys("#name", "canary"), chromedp.Click(ok), chromedp.WaitVisible("#keys tr"))
	clean("after OK")
	b.goTo("/profile")
	b.do(chromedp.NavigateBack(), chromedp.WaitVisible("#keys tr"))
	clean("after Back")
	// Once more on the page that stands in for the dialog, which the browser holds as the answer to a form.
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("new-key").submit()`), chromedp.WaitVisible("main [data-secret]"))
	second := get(b, chromedp.Text("[data-secret]"))
	b.do(chromedp.Click("[data-copy]"), chromedp.WaitVisible("[data-reveal][data-copied]"))
	b.goTo("/profile/keys")
	b.do(chromedp.Click("header summary"), chromedp.Click("header form[action='/logout'] button"), chromedp.WaitVisible("#password"))
	clean("after the sign-out")

	// The controls: another key is found where it was put, in the page's stores and then in the files.
	control := "kd_" + strings.Repeat("9", 4) + "ControlOfTheSearch" + second[:4]
	eval[*int](b, store(control))
	for place, text := range b.keeps() {
		if found := leaks([]byte(text), control) != nil; found != slices.Contains([]string{"localStorage", "sessionStorage", "history", "databases", "caches"}, place) {
			t.Errorf("the control is in %s: %v", place, found)
		}
	}
	b.goTo("/login") // one more entry of the history
	b.end()
	seen := map[string]bool{}
	for name, content := range filesOf(t, b.profile) {
		for _, secret := range []string{canary, second} {
			if found := leaks(content, secret); found != nil {
				t.Errorf("the key is in the browser's file %s: %v", name, found)
			}
		}
		seen["control"] = seen["control"] || leaks(content, control) != nil
		seen["history"] = seen["history"] || filepath.Base(name) == "History" && bytes.Contains(content, []byte(d.url+"/profile/keys"))
	}
	if !seen["control"] || !seen["history"] {
		t.Errorf("found in the browser's files: %v: the search looks in the wrong place", seen)
	}
}

// keeps returns what the page keeps in the browser, by place.
func (b *tab) keeps() (all map[string]string) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(eval[string](b, stored)), &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// filesOf returns every file below a folder.
func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			all[path], err = os.ReadFile(path)
		}
		if errors.Is(err, fs.ErrNotExist) { // removed since the walk saw it
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d files in the browser's folder", len(all))
	}
	return all
}

// REV-4: what the program prints when it is made to say what it is doing holds no key: neither one that has just been
// shown, nor one whose showing is under way.
func TestDumpOfTheProgramHoldsNoKey(t *testing.T) {
	t.Parallel()
	dir := newDeskFolder(t)
	out, dump := &buffer{}, &buffer{}
	p := exec.Command(os.Args[0], "serve", "--addr=127.0.0.1:0", "--database="+filepath.Join(dir, "keydesk.db"))
	p.Env = append(os.Environ(), asProgram+"=1", "GOTRACEBACK=all")
	p.Stdout, p.Stderr = out, dump
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	ended := make(chan int, 1)
	d := &desk{t: t, dir: dir, out: out, log: dump}
	d.url = d.await(ended)
	alice := d.signIn("alice")
	var secrets []string
	for range 5 {
		secret, _ := alice.newKey()
		secrets = append(secrets, secret)
	}

	// Somebody else's write holds up the next key, which is made by then.
	db := d.behind()
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	taken := make(chan struct{})
	waiting.Go(func() {
		trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(taken) }})
		r, err := http.NewRequestWithContext(trace, http.MethodPost, d.url+"/profile/keys", strings.NewReader("once=1"))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Expect": {"100-continue"}}
		if answer, err := alice.Do(r); err == nil {
			text, _ := readAll(answer)
			t.Errorf("the key under way was answered: %d %s", answer.StatusCode, text)
		}
	})
	<-taken // the form is being read; before so many others are answered, so is this one but for the write
	for range 30 {
		alice.get("/profile/keys")
	}
	if err := p.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // it ends with an error, as it should
	waiting.Wait()
	text := dump.String()
	for _, secret := range secrets {
		if found := leaks([]byte(text), secret); found != nil {
			t.Errorf("the key is in the dump: %v", found)
		}
	}
	if found := secretPattern.FindString(text); found != "" {
		t.Errorf("a key is in the dump: %s", found)
	}
	for _, mark := range []string{"SIGQUIT", "keyCreate", "CreateKey"} { // the controls
		if !strings.Contains(text, mark) {
			t.Errorf("the dump has no %s: %s", mark, text)
		}
	}
}
