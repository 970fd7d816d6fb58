//go:build lighthouse

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLighthouse holds the pages against Lighthouse's scores, as a phone sees them: `make lighthouse`.
func TestLighthouse(t *testing.T) {
	least := map[string]float64{"accessibility": 1, "best-practices": 1, "performance": 0.95}
	d := startDesk(t, t.TempDir(), "--demo")
	for _, page := range []struct{ path, as string }{
		{"/login", ""}, {"/profile/keys", "alice"}, {"/profile", "alice"}, {"/help/api-keys", "alice"},
		{"/admin/users", "admin"}, {"/admin/users/alice", "admin"}, {"/admin/history?tab=changes", "admin"},
	} {
		t.Run(page.path, func(t *testing.T) {
			for category, score := range d.lighthouse(t, page.path, d.cookies(page.as)) {
				t.Logf("%-15s %.2f", category, score)
				if score < least[category] {
					t.Errorf("%s: %.2f, less than %.2f", category, score, least[category])
				}
			}
		})
	}
}

// cookies returns the Cookie header of a demo person who has just signed in, or nothing for nobody.
func (d *desk) cookies(userID string) string {
	d.t.Helper()
	if userID == "" {
		return ""
	}
	v := d.visitor()
	if got := v.post("/login", url.Values{"user_id": {userID}, "password": {demoPassword}}); got.status != http.StatusSeeOther {
		d.t.Fatalf("sign-in of %s: %d", userID, got.status)
	}
	base, err := url.Parse(d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	header := ""
	for _, c := range v.Jar.Cookies(base) {
		header += c.Name + "=" + c.Value + "; "
	}
	return header
}

// lighthouse returns the score of each category, from 0 to 1.
func (d *desk) lighthouse(t *testing.T, path, cookies string) map[string]float64 {
	t.Helper()
	headers, err := json.Marshal(map[string]string{"Cookie": cookies})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "report.json")
	run := exec.Command("npx", "--yes", "lighthouse@13.5.0", d.url+path, "--quiet", "--output=json", "--output-path="+out,
		"--only-categories=accessibility,best-practices,performance", "--extra-headers="+string(headers),
		"--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "+
			"--disable-component-update --disable-sync")
	run.Env = append(os.Environ(), "CHROME_PATH="+chromium(t))
	if said, err := run.CombinedOutput(); err != nil {
		t.Fatalf("lighthouse: %v: %s", err, said)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		FinalURL   string `json:"finalDisplayedUrl"`
		Categories map[string]struct {
			Score float64 `json:"score"`
		} `json:"categories"`
	}
	if err := json.Unmarshal(content, &report); err != nil {
		t.Fatal(err)
	}
	if report.FinalURL != d.url+path || len(report.Categories) != 3 {
		t.Fatalf("%d categories of %s", len(report.Categories), report.FinalURL)
	}
	scores := map[string]float64{}
	for name, category := range report.Categories {
		scores[name] = category.Score
	}
	return scores
}
