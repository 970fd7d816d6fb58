package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/keydesk/keydesk/"

// TestImportsFollowTheHouse holds the picture in CONTRIBUTING.md against what the packages import.
func TestImportsFollowTheHouse(t *testing.T) {
	house := map[string][]string{ // a package, and what of ours it may import
		"access":      {},
		"db":          {"access"},
		"static":      {},
		"views":       {"access", "static"},
		"verify":      {"access"},
		"handlers":    {"access", "db", "verify", "views", "static"},
		"cmd/keydesk": {"access", "db", "verify", "handlers", "views"},
	}
	only := map[string]string{ // a library, and the one package that may know it
		"github.com/labstack/echo": "handlers", "github.com/valyala/fasthttp": "handlers", "database/sql": "db", "github.com/jmoiron/sqlx": "db",
		"modernc.org/sqlite": "db", "github.com/gorilla/sessions": "handlers",
	}
	root := filepath.Join("..", "..")
	seen := 0
	for dir, allowed := range house {
		for file, imports := range importsOf(t, filepath.Join(root, dir)) {
			seen++
			for _, path := range imports {
				if path == "net/smtp" { // AZ-8: no link goes by mail, where an address could lead it astray
					t.Errorf("%s/%s sends mail", dir, file)
				}
				if ours, ok := strings.CutPrefix(path, module); ok && !slices.Contains(allowed, ours) {
					t.Errorf("%s/%s imports %s", dir, file, ours)
				}
				for library, home := range only {
					if strings.HasPrefix(path, library) && dir != home {
						t.Errorf("%s/%s imports %s", dir, file, path)
					}
				}
				if path == "github.com/a-h/templ" && dir != "views" && dir+"/"+file != "handlers/render.go" {
					t.Errorf("%s/%s imports templ", dir, file)
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d files were read", seen)
	}
	packages, err := filepath.Glob(filepath.Join(root, "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range packages {
		if dir := filepath.Base(filepath.Dir(file)); house[dir] == nil {
			t.Errorf("package %s is not in the house", dir)
		}
	}
}

// importsOf returns what each file of a folder imports, tests left out.
func importsOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Base(file)] = append(all[filepath.Base(file)], path)
		}
	}
	return all
}
