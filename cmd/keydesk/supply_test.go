package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/keydesk/keydesk/access"
)

// htmx is the SHA-256 of htmx.min.js of htmx.org 4.0.1, as package-lock.json's hash of the whole package has it.
const htmx = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"

// SUP-5: the htmx in the program is the one that was looked at. `make generate` copies it from the package, which npm compares
// with package-lock.json; `make check` sees that this changes nothing.
func TestHtmxIsPinnedByItsHash(t *testing.T) {
	sum := sha256.Sum256([]byte(paper(t, "static/htmx.min.js")))
	if is := hex.EncodeToString(sum[:]); is != htmx {
		t.Errorf("static/htmx.min.js has the SHA-256 %s, want %s", is, htmx)
	}
}

// lockedPackage is a package as package-lock.json has it.
type lockedPackage struct {
	Version, Integrity, Resolved string
	InBundle                     bool
	DevDependencies              map[string]string
}

// lockedPackages returns what package-lock.json has, by where npm puts it; the project itself is under the empty name.
func lockedPackages(t *testing.T) map[string]lockedPackage {
	t.Helper()
	var lock struct{ Packages map[string]lockedPackage }
	if err := json.Unmarshal([]byte(paper(t, "package-lock.json")), &lock); err != nil {
		t.Fatal(err)
	}
	if len(lock.Packages) < 20 {
		t.Fatalf("only %d packages", len(lock.Packages))
	}
	return lock.Packages
}

// SUP-5: npm takes packages of the public registry alone, each by the hash of its bytes, at one version, and runs none of their
// scripts.
func TestPackagesAreHeldByTheirHashes(t *testing.T) {
	hash, one := regexp.MustCompile(`^sha512-[A-Za-z0-9+/]{86}==$`), regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	for where, p := range lockedPackages(t) {
		for name, version := range p.DevDependencies {
			if where == "" && !one.MatchString(version) {
				t.Errorf("%s may be any of %s", name, version)
			}
		}
		if where == "" || p.InBundle { // which comes within another package, under its hash
			continue
		}
		if !hash.MatchString(p.Integrity) {
			t.Errorf("%s has the hash %q", where, p.Integrity)
		}
		if p.Resolved != "" { // then it would come from there, whatever registry npm asks
			t.Errorf("%s is to come from %s", where, p.Resolved)
		}
	}
	settings := paper(t, ".npmrc")
	if strings.Contains(settings, "registry=http") || !strings.Contains(settings, "ignore-scripts=true\n") {
		t.Errorf("npm takes packages from elsewhere, or runs their scripts: %s", settings)
	}
}

// SUP-5: modules are what their hashes say, which the public database of checksums confirmed as they came; nothing replaces one,
// and nothing that builds or tests turns the database off.
func TestModulesAreHeldByTheirHashes(t *testing.T) {
	for _, name := range []string{"go", "tools", "security"} {
		mod, err := modfile.Parse(name+".mod", []byte(paper(t, name+".mod")), nil)
		if err != nil {
			t.Fatal(err)
		}
		sums := paper(t, name+".sum")
		for _, r := range mod.Require {
			if !strings.Contains(sums, "\n"+r.Mod.Path+" "+r.Mod.Version) && !strings.HasPrefix(sums, r.Mod.Path+" "+r.Mod.Version) {
				t.Errorf("%s.sum has no hash of %s %s", name, r.Mod.Path, r.Mod.Version)
			}
		}
		for _, r := range mod.Replace {
			t.Errorf("%s.mod has something in the place of %s", name, r.Old.Path)
		}
	}
	unchecked := regexp.MustCompile(`GONOSUMCHECK|GOINSECURE|(GONOSUMDB|GOPRIVATE|GONOPROXY) ?= ?\S|GOSUMDB ?= ?[^s ]|GOPROXY ?=|GOFLAGS=-mod|GIT_SSL_NO_VERIFY`)
	for _, name := range []string{"Makefile", ".ci/run", ".ci/install", "deploy/Dockerfile"} {
		for line := range strings.Lines(paper(t, name)) {
			if found := unchecked.FindString(line); found != "" {
				t.Errorf("%s has %s: %s", name, found, line)
			}
		}
	}
}

// What the papers on security name as shown is shown: each test that they name is there.
func TestPapersNameOnlyTestsThatAreThere(t *testing.T) {
	files, err := filepath.Glob("../../*/*_test.go")
	if below, err2 := filepath.Glob("../../*/*/*_test.go"); err == nil && err2 == nil {
		files = append(files, below...)
	}
	there := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			there[found[1]] = true
		}
	}
	named := 0
	for _, name := range []string{"docs/security/threat-model.md", "docs/security/supply-chain.md"} {
		for _, test := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(paper(t, name), -1) {
			if named++; !there[test] {
				t.Errorf("%s names %s, which is not there", name, test)
			}
		}
	}
	if named < 60 {
		t.Errorf("only %d tests are named", named)
	}
}

// KEY-11: the rule for scanners that is handed out finds every key that a desk makes, in whatever stands around it, and no
// masked one.
func TestScannersRuleFindsKeys(t *testing.T) {
	found := regexp.MustCompile(`(?m)^regex = '''(.+)'''$`).FindStringSubmatch(paper(t, "deploy/gitleaks.toml"))
	if found == nil {
		t.Fatal("no rule")
	}
	rule := regexp.MustCompile(found[1])
	for range 1000 {
		secret := access.NewSecret(access.DefaultPrefix)
		key := secret.Reveal()
		for _, text := range []string{key, "KEY=" + key, `{"key":"` + key + `"}`, "Bearer " + key + "\n", "https://x.test/?key=" + key + "&a=b"} {
			if got := rule.FindStringSubmatch(text); got == nil || got[1] != key {
				t.Fatalf("in %q it finds %q", text, got)
			}
		}
		if text := fmt.Sprint(secret); rule.MatchString(text) {
			t.Errorf("it takes %s for a key", text)
		}
	}
}
