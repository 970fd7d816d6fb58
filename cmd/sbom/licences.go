package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/google/licensecheck"
)

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)`)

// enough is how much of a file a licence must be, in percent, for the file to be that licence.
const enough = 75

// readByHand says what is in the files that are no one licence. A newer version is to be read anew.
var readByHand = map[string][]string{
	"modernc.org/libc@v1.79.0/LICENSE-3RD-PARTY.md":   {"BSD-3-Clause", "MIT"}, // Go, musl and two smaller ones
	"modernc.org/memory@v1.12.1/LICENSE-LOGO":         nil,                     // of a picture, which is not in the program
	"modernc.org/sqlite@v1.61.1/LICENSE-3RD-PARTY.md": {"BSD-3-Clause", "MIT"}, // its first table: what a program links
	"modernc.org/sqlite@v1.61.1/LICENSE-SQLITE":       {"blessing"},            // SPDX's name for SQLite's public domain
}

// addLicences gives each component that names no licence those of the files in its folder.
func addLicences(all []component, folders func([]component) (map[string]string, error)) error {
	where, err := folders(all)
	if err != nil {
		return err
	}
	for i, c := range all {
		if len(c.Licences) > 0 {
			continue
		}
		ids, err := licencesIn(where[c.Name], c.Name+"@"+c.Version)
		if err != nil {
			return fmt.Errorf("licences of %s: %w", c.Name, err)
		}
		for _, id := range ids {
			l := licence{}
			l.Licence.ID = id
			all[i].Licences = append(all[i].Licences, l)
		}
	}
	return nil
}

// licencesIn returns what the licence files in a part's folder say, by the names of SPDX.
func licencesIn(dir, part string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if read, ok := readByHand[part+"/"+e.Name()]; ok {
			ids = append(ids, read...)
			continue
		}
		found := licensecheck.Scan(text)
		if found.Percent < enough {
			return nil, fmt.Errorf("%s is a known licence to %.0f percent: read it, and say what it is", e.Name(), found.Percent)
		}
		for _, m := range found.Match {
			if !m.IsURL {
				ids = append(ids, m.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("none found in " + dir)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// moduleFolders returns where the Go command keeps each module.
func moduleFolders([]component) (map[string]string, error) {
	out, err := exec.CommandContext(context.Background(), "go", "list", "-m", "-json", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("list the modules: %w", err)
	}
	folders := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		m := struct{ Path, Dir string }{}
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return folders, nil
		}
		if err != nil {
			return nil, err
		}
		folders[m.Path] = cmp.Or(m.Dir, folders[m.Path])
	}
}
