package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"regexp"
	"time"
)

// driven is a Chromium that is driven as WebDriver (W3C) says, with its back-forward cache as people have it.
type driven struct {
	desk    *desk
	session string // its URL
}

var (
	driverPattern = regexp.MustCompile(`started successfully on port (\d+)`)
	driverClient  = &http.Client{Timeout: time.Minute}
)

// drive starts a driver and, by it, a browser with a fresh profile.
func (d *desk) drive() *driven {
	d.t.Helper()
	path, err := exec.LookPath("chromedriver")
	if err != nil {
		d.t.Fatal("no chromedriver found; `make test` installs it")
	}
	driver := exec.Command(path, "--port=0")
	out, err := driver.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		d.t.Fatal(err)
	}
	w, profile := &driven{desk: d}, newProfile(d.t)
	d.t.Cleanup(func() {
		_ = driver.Process.Kill()
		_ = driver.Wait()
	})
	lines := bufio.NewScanner(out)
	for w.session == "" && lines.Scan() {
		if found := driverPattern.FindStringSubmatch(lines.Text()); found != nil {
			w.session = "http://127.0.0.1:" + found[1] + "/session"
		}
	}
	var made struct{ SessionID string }
	w.call(http.MethodPost, "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"unhandledPromptBehavior": "accept",
		"goog:chromeOptions": map[string]any{"binary": chromium(d.t), "args": []string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update",
			"--disable-dev-shm-usage", "--window-size=1280,900", "--user-data-dir=" + profile,
		}},
	}}}, &made)
	w.session += "/" + made.SessionID
	d.t.Cleanup(func() { w.call(http.MethodDelete, "", nil, nil) }) // ends the browser
	return w
}

// call sends a command, and reads the value of its answer into value.
func (w *driven) call(method, path string, body, value any) {
	w.desk.t.Helper()
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			w.desk.t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, w.session+path, &text)
	if err != nil {
		w.desk.t.Fatal(err)
	}
	answer, err := driverClient.Do(r)
	if err != nil {
		w.desk.t.Fatal(err)
	}
	got, err := readAll(answer)
	if err != nil || answer.StatusCode != http.StatusOK {
		w.desk.t.Fatalf("%s %s: %v %s", method, path, err, got)
	}
	if err := json.Unmarshal([]byte(got), &struct{ Value any }{value}); err != nil {
		w.desk.t.Fatalf("%s %s: %v: %s", method, path, err, got)
	}
}

func (w *driven) goTo(path string) {
	w.desk.t.Helper()
	w.call(http.MethodPost, "/url", map[string]string{"url": w.desk.url + path}, nil)
}

func (w *driven) back() {
	w.desk.t.Helper()
	w.call(http.MethodPost, "/back", struct{}{}, nil)
}

func (w *driven) forward() {
	w.desk.t.Helper()
	w.call(http.MethodPost, "/forward", struct{}{}, nil)
}

// run runs JavaScript in the page and returns the text that it does.
func (w *driven) run(script string) (text string) {
	w.desk.t.Helper()
	w.call(http.MethodPost, "/execute/sync", map[string]any{"script": script, "args": []any{}}, &text)
	return text
}

// until waits for a JavaScript condition.
func (w *driven) until(condition string) {
	w.desk.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for w.run("return String(document.readyState === 'complete' && !!("+condition+"))") != "true" {
		select {
		case <-deadline:
			w.desk.t.Fatalf("%s: not so in %s", condition, w.run("return location.href + document.documentElement.outerHTML"))
		case <-tick.C:
		}
	}
}

// click clicks as a person does; keys types into the element.
func (w *driven) click(css string) { w.desk.t.Helper(); w.element(css, "/click", struct{}{}) }

func (w *driven) keys(css, text string) {
	w.desk.t.Helper()
	w.element(css, "/value", map[string]string{"text": text})
}

func (w *driven) element(css, command string, body any) {
	w.desk.t.Helper()
	w.until("document.querySelector(" + quoted(css) + ")?.checkVisibility()")
	found := map[string]string{}
	w.call(http.MethodPost, "/element", map[string]string{"using": "css selector", "value": css}, &found)
	for _, id := range found {
		w.call(http.MethodPost, "/element/"+id+command, body, nil)
	}
}

func quoted(text string) string {
	q, _ := json.Marshal(text) // texts always marshal
	return string(q)
}

func (w *driven) signIn(userID string) {
	w.desk.t.Helper()
	w.goTo("/login")
	w.keys("#user_id", userID)
	w.keys("#password", password)
	w.click("main form button")
	w.until(`document.querySelector("header nav")`)
}
