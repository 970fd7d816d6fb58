package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// part is a component of a CycloneDX list.
type part struct {
	Name, Version string
	Package       string `json:"purl"`
	Hashes        []struct{ Alg, Content string }
	Licenses      []struct{ License struct{ ID string } }
}

// parts returns the components of a list.
func parts(t *testing.T, name string) []part {
	t.Helper()
	var list struct {
		BomFormat, SpecVersion string
		Components             []part
	}
	if err := json.Unmarshal([]byte(paper(t, name)), &list); err != nil {
		t.Fatal(err)
	}
	if list.BomFormat != "CycloneDX" || list.SpecVersion == "" || len(list.Components) < 20 {
		t.Fatalf("%s is a %s %s of %d parts", name, list.BomFormat, list.SpecVersion, len(list.Components))
	}
	return list.Components
}

const sbomGo, sbomNpm = "docs/security/sbom-go.cdx.json", "docs/security/sbom-npm.cdx.json"

// SUP-3: the list of the program's modules has those that are linked, at their versions, and no other.
func TestBillOfMaterialsHasTheModulesOfTheProgram(t *testing.T) {
	linked := outputOf(t, "../..", []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS="}, "go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/keydesk")
	want := slices.Compact(slices.Sorted(slices.Values(strings.FieldsFunc(linked, func(r rune) bool { return r == '\n' }))))
	var listed []string
	for _, p := range parts(t, sbomGo) {
		listed = append(listed, p.Name+" "+p.Version)
		if !strings.HasPrefix(p.Package, "pkg:golang/"+p.Name+"@"+p.Version) {
			t.Errorf("%s is named %s", p.Name, p.Package)
		}
	}
	if slices.Sort(listed); !slices.Equal(listed, want) {
		t.Errorf("%s has\n%s\nwant\n%s\n`make sbom` writes it anew", sbomGo, strings.Join(listed, "\n"), strings.Join(want, "\n"))
	}
}

// SUP-3, SUP-5: the list of packages has all of package-lock.json, each with its hash.
func TestBillOfMaterialsHasTheLockedPackages(t *testing.T) {
	listed := map[string]string{}
	for _, p := range parts(t, sbomNpm) {
		for _, h := range p.Hashes {
			listed[p.Name+" "+p.Version] = h.Alg + " " + h.Content
		}
		if len(p.Hashes) == 0 {
			listed[p.Name+" "+p.Version] = ""
		}
	}
	seen := map[string]bool{}
	for where, p := range lockedPackages(t) {
		if where == "" {
			continue
		}
		key := where[strings.LastIndex(where, "node_modules/")+len("node_modules/"):] + " " + p.Version
		seen[key] = true
		want := ""
		if code, ok := strings.CutPrefix(p.Integrity, "sha512-"); ok {
			sum, err := base64.StdEncoding.DecodeString(code)
			if err != nil {
				t.Fatal(err)
			}
			want = "SHA-512 " + hex.EncodeToString(sum)
		}
		if got, ok := listed[key]; !ok || got != want {
			t.Errorf("%s has %s as %q, want %q; `make sbom` writes it anew", sbomNpm, key, got, want)
		}
	}
	if len(seen) != len(listed) {
		t.Errorf("%s has %d parts, want %d; `make sbom` writes it anew", sbomNpm, len(listed), len(seen))
	}
}

// SUP-3: every part has a licence, and one that asks no more of who runs Keydesk or passes it on than naming its authors; MPL-2.0
// asks for the changes of its own files too. licences.md says the same.
func TestLicencesAreOfTheKindThatIsTaken(t *testing.T) {
	taken := []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense", "blessing"}
	tools := append(slices.Clone(taken), "BlueOak-1.0.0", "MPL-2.0") // for what builds and tests alone
	page := paper(t, "docs/security/licences.md")
	shipped, rest, found := strings.Cut(page, "## Used to make")
	if !found {
		t.Fatal("licences.md has one table only")
	}
	inStatic := []string{"htmx.org", "tailwindcss", "daisyui"}
	rows := 0
	for _, name := range []string{sbomGo, sbomNpm} {
		for _, p := range parts(t, name) {
			text, kinds := shipped, taken
			if name == sbomNpm && !slices.Contains(inStatic, p.Name) {
				text, kinds = rest, tools
			}
			ids := []string{}
			for _, l := range p.Licenses {
				ids = append(ids, l.License.ID)
				if !slices.Contains(kinds, l.License.ID) {
					t.Errorf("%s is under %q", p.Name, l.License.ID)
				}
			}
			rows++
			row := fmt.Sprintf("| %s | %s | %s |\n", p.Name, p.Version, strings.Join(ids, ", "))
			if len(ids) == 0 || !strings.Contains(text, row) {
				t.Errorf("licences.md does not say: %s", row)
			}
		}
	}
	if got := strings.Count(page, "\n| ") - 4; got != rows { // but for the heads and the lines under them
		t.Errorf("licences.md has %d parts, want %d", got, rows)
	}
}
