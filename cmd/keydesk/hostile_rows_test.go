package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostileRow is one hostile request and the answer it must get. testdata/hostile/README says how a row is written.
type hostileRow struct {
	at                     string // file and line
	name, who              string
	request, headers, body string
	status                 int
	by                     string // who answers: page, verify or wire
	holds                  []string
}

// hostileRows reads the rows of a file.
func hostileRows(t *testing.T, file string) (rows []hostileRow) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		at := filepath.Base(file) + ":" + strconv.Itoa(i+1)
		columns := strings.Split(line, " | ")
		if len(columns) != 7 {
			t.Fatalf("%s has %d columns", at, len(columns))
		}
		for i, column := range columns {
			if columns[i] = strings.TrimSpace(column); columns[i] == "-" {
				columns[i] = ""
			}
		}
		row := hostileRow{
			at: at, name: columns[0], who: columns[1], request: columns[2], headers: columns[3], body: columns[4], by: "page",
		}
		status, by, said := strings.Cut(columns[5], " ")
		if said {
			row.by = by
		}
		if row.status, err = strconv.Atoi(status); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if columns[6] != "" {
			row.holds = strings.Split(columns[6], " ^ ")
		}
		rows = append(rows, row)
	}
	return rows
}

// has tells whether this word stands among what must hold.
func (r hostileRow) has(word string) bool { return slices.Contains(r.holds, word) }

// count returns the number behind a word among what must hold.
func (r hostileRow) count(word string, otherwise int) int {
	for _, condition := range r.holds {
		rest, named := strings.CutPrefix(condition, word+" ")
		if n, err := strconv.Atoi(rest); named && err == nil {
			return n
		}
	}
	return otherwise
}

var (
	placePattern  = regexp.MustCompile(`\{([a-z]+)\}`)
	repeatPattern = regexp.MustCompile(`\{(\d+)([*#])([^}]*)\}`)
)

// fill returns what a column means: {word} is what the attackers know, {9*x} is xxxxxxxxx, {2#a@&} is a1&a2&, and
// backslashes are Go's.
func (s *siege) fill(t *testing.T, column string) string {
	t.Helper()
	column = placePattern.ReplaceAllStringFunc(column, func(place string) string {
		known, ok := s.known[strings.Trim(place, "{}")]
		if !ok {
			t.Fatalf("nothing stands for %s", place)
		}
		return known
	})
	column = repeatPattern.ReplaceAllStringFunc(column, func(place string) string {
		part := repeatPattern.FindStringSubmatch(place)
		n, _ := strconv.Atoi(part[1])
		if part[2] == "*" {
			return strings.Repeat(part[3], n)
		}
		var out strings.Builder
		for i := range n {
			out.WriteString(strings.ReplaceAll(part[3], "@", strconv.Itoa(i+1)))
		}
		return out.String()
	})
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(column, `"`, `\"`) + `"`)
	if err != nil {
		t.Fatalf("%.200q: %v", column, err)
	}
	return text
}
