package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// settings returns the flags of keydesk serve.
func settings(t *testing.T) []*kong.Flag {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("keydesk"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		if command.Name == "serve" {
			return command.Flags
		}
	}
	t.Fatal("there is no serve")
	return nil
}

// paper returns a file of the tree's top.
func paper(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPapersListEverySettingWithItsDefault(t *testing.T) {
	for _, name := range []string{"README.md", "docs/operators.md"} {
		rows := []string{}
		for line := range strings.Lines(paper(t, name)) {
			if strings.HasPrefix(line, "| `--") {
				rows = append(rows, line)
			}
		}
		for _, flag := range settings(t) {
			row := slices.IndexFunc(rows, func(row string) bool {
				return strings.Contains(strings.Split(row, "|")[1], "`--"+flag.Name+"`")
			})
			if row < 0 {
				t.Errorf("%s does not list --%s", name, flag.Name)
				continue
			}
			for _, want := range append(slices.Clone(flag.Envs), flag.Default) {
				if want != "" && !strings.Contains(rows[row], "`"+want+"`") {
					t.Errorf("%s does not say %s of --%s: %s", name, want, flag.Name, rows[row])
				}
			}
		}
	}
}

func TestPapersNameOnlySettingsThatAreThere(t *testing.T) {
	known := []string{secretVariable, previousVariable}
	for _, flag := range settings(t) {
		known = append(known, flag.Envs...)
	}
	variable, seen := regexp.MustCompile(`KEYDESK_[A-Z_]+`), 0
	for _, name := range []string{"README.md", "SECURITY.md", "CHANGELOG.md", "docs/operators.md", "docs/administrators.md",
		"docs/limits.md", "docs/metrics.md", "docs/gateways.md", "deploy/nginx.conf", "deploy/Caddyfile", "deploy/keydesk.service", "deploy/Dockerfile"} {
		for _, found := range variable.FindAllString(paper(t, name), -1) {
			if seen++; !slices.Contains(known, found) {
				t.Errorf("%s names %s, which is no setting", name, found)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d variables were found", seen)
	}
}
