// Package static holds what the browser fetches, embedded in the program under names that change with the content.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
	"sync"
)

//go:embed app.css app.js passkeys.js htmx.min.js icon.svg
var files embed.FS

// Asset is a file as the browser gets it.
type Asset struct {
	Type    string // the media type
	Content []byte
}

type assets struct {
	byName map[string]Asset  // by hashed name
	names  map[string]string // hashed names by name
}

// built is constant: it follows from the embedded files alone.
var built = sync.OnceValue(func() assets {
	all := assets{map[string]Asset{}, map[string]string{}}
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are embedded
	}
	for _, e := range entries {
		content, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		ext := path.Ext(e.Name())
		hashed := strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:8]) + ext
		all.names[e.Name()] = hashed
		all.byName[hashed] = Asset{Type: types[ext], Content: content}
	}
	return all
})

// URL returns the path at which the file of this name is served. It panics on a name that is not embedded.
func URL(name string) string {
	hashed, ok := built().names[name]
	if !ok {
		panic("static: no file " + name)
	}
	return "/static/" + hashed
}

// Named returns the asset with this hashed name.
func Named(hashed string) (Asset, bool) {
	a, ok := built().byName[hashed]
	return a, ok
}
