package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page of replays names tests that there are, in the packages that it says, and each row names one.
func TestReplaysNameTestsThatAreThere(t *testing.T) {
	named, place := regexp.MustCompile("`(Test[A-Za-z0-9]+)`(?: \\(`(\\./[a-z/]+)`\\))?"), map[string]string{}
	published, rows := map[string]bool{}, 0
	for line := range strings.Lines(paper(t, "docs/security/replays.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| published as") {
			continue
		}
		rows++
		found := named.FindAllStringSubmatch(line, -1)
		if len(found) == 0 || strings.Count(line, " | ") != 3 {
			t.Errorf("names no test, or not in the last column: %s", line)
		}
		for _, test := range found {
			dir := test[2]
			if dir == "" {
				dir = "./handlers"
			}
			if place[dir] == "" {
				place[dir] = testsOf(t, dir)
			}
			if !strings.Contains(place[dir], "func "+test[1]+"(t *testing.T)") {
				t.Errorf("%s is not in %s", test[1], dir)
			}
		}
		for _, id := range regexp.MustCompile(`CVE-\d{4}-\d+|GHSA(-[0-9a-z]{4}){3}`).FindAllString(strings.Split(line, "|")[1], -1) {
			published[id] = true
		}
	}
	if rows < 30 || len(published) < 35 {
		t.Errorf("%d rows with %d ids", rows, len(published))
	}
}

// testsOf returns the tests of a package.
func testsOf(t *testing.T, dir string) (all string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", dir, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}
