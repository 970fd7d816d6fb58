// Command sbom makes the lists of what Keydesk is made of fit to be committed.
//
// It reads bin/sbom-go.json and bin/sbom-npm.json, which cyclonedx-gomod and npm wrote, takes out what differs from one
// machine or day to the next, adds each part's licences by the files that it comes with, and writes them, and
// licences.md, to docs/security. `make sbom` runs it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// bom is a CycloneDX list, of which this names what it looks at.
type bom struct {
	Format       string         `json:"bomFormat"`
	Spec         string         `json:"specVersion"`
	Version      int            `json:"version"`
	Metadata     metadata       `json:"metadata"`
	Components   []component    `json:"components"`
	Dependencies []dependencies `json:"dependencies,omitempty"`
}

type metadata struct {
	Component component `json:"component"`
}

type component struct {
	Ref        string     `json:"bom-ref"`
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licences   []licence  `json:"licenses,omitempty"`
	Package    string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licence struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependencies struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run() error {
	modules, err := read("bin/sbom-go.json")
	if err != nil {
		return err
	}
	packages, err := read("bin/sbom-npm.json")
	if err != nil {
		return err
	}
	modules.Metadata.Component.Properties = nil  // the flags of this build
	packages.Metadata.Component.Name = "keydesk" // npm takes the folder's
	if err := addLicences(modules.Components, moduleFolders); err != nil {
		return err
	}
	if err := addLicences(packages.Components, packageFolders); err != nil {
		return err
	}
	if err := write("docs/security/sbom-go.cdx.json", modules); err != nil {
		return err
	}
	if err := write("docs/security/sbom-npm.cdx.json", packages); err != nil {
		return err
	}
	return os.WriteFile("docs/security/licences.md", page(modules.Components, packages.Components), 0o600)
}

func read(path string) (*bom, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list := &bom{}
	if err := json.Unmarshal(content, list); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return list, nil
}

func write(path string, list *bom) error {
	content, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o600)
}

// packageFolders returns where npm put a package.
func packageFolders(all []component) (map[string]string, error) {
	folders := map[string]string{}
	for _, c := range all {
		folders[c.Name] = filepath.Join("node_modules", filepath.FromSlash(c.Name))
	}
	return folders, nil
}

// page writes licences.md: the parts of the program, then those that only build or test it.
func page(modules, packages []component) []byte {
	var text strings.Builder
	text.WriteString(pageHead)
	row := func(c component) {
		ids := make([]string, len(c.Licences))
		for i, l := range c.Licences {
			ids[i] = l.Licence.ID
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", c.Name, c.Version, strings.Join(ids, ", "))
	}
	for _, c := range modules {
		row(c)
	}
	for _, c := range packages {
		if inStatic[c.Name] {
			row(c)
		}
	}
	text.WriteString(pageTools)
	for _, c := range packages {
		if !inStatic[c.Name] {
			row(c)
		}
	}
	return []byte(text.String())
}

// inStatic names the packages whose bytes, or what they made of ours, are in static/ and so in the program.
var inStatic = map[string]bool{"htmx.org": true, "tailwindcss": true, "daisyui": true}

const pageHead = `# Licences

Written by ` + "`make sbom`" + `, which reads the licence files that each part comes with. Keydesk itself is under the
[Apache License 2.0](../../LICENSE). A test refuses a part whose licence is unknown, or would bind who runs Keydesk or
passes it on to more than naming its authors.

## In the program

| part | version | licence |
| --- | --- | --- |
`

const pageTools = `
## Used to make what is in static/, or to test it, and not in the program

| package | version | licence |
| --- | --- | --- |
`
