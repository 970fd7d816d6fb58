package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const heaviest = 80 << 10 // bytes of a page with all that it loads, gzipped

// gzipped returns how many bytes the text is when gzipped.
func gzipped(t *testing.T, text string) int {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

func TestEveryPageIsLight(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	b := d.open()
	nobody, weights := d.visitor(), map[string]int{}
	b.play(scenes(lived(d)), func(s scene) {
		var loads []string
		text := eval[string](b, `JSON.stringify([...new Set([...document.querySelectorAll("link[href], [src]")].map(e => e.href || e.src)
			.concat(performance.getEntriesByType("resource").map(e => e.name)))])`)
		if err := json.Unmarshal([]byte(text), &loads); err != nil {
			t.Fatal(err)
		}
		total, assets := gzipped(t, eval[string](b, `document.documentElement.outerHTML`)), 0
		for _, url := range loads {
			path, ours := strings.CutPrefix(url, d.url)
			if !ours || !strings.HasPrefix(path, "/static/") {
				continue // data: images, and what htmx has fetched
			}
			if weights[path] == 0 {
				got := nobody.get(path)
				if got.status != http.StatusOK {
					t.Fatalf("%s: %d", path, got.status)
				}
				weights[path] = gzipped(t, got.body)
			}
			total, assets = total+weights[path], assets+1
		}
		if assets < 4 { // the style, two scripts, the icon
			t.Errorf("%s: only %d assets: %s", s.name, assets, text)
		}
		if total > heaviest {
			t.Errorf("%s: %d bytes", s.name, total)
		}
	})
}

// WEB-9: no page asks anybody but the desk for anything.
func TestNoRequestLeavesTheOrigin(t *testing.T) {
	t.Parallel()
	b := newDesk(t).open()
	b.do() // starts the browser
	var mu sync.Mutex
	asked := map[string]int{} // by the beginning of the URL
	err := chromedp.Listen(b.ctx, func(ev any) {
		e, ok := ev.(*network.EventRequestWillBeSent)
		if !ok {
			return
		}
		origin := e.Request.URL
		if scheme, rest, ok := strings.Cut(origin, "://"); ok {
			host, _, _ := strings.Cut(rest, "/")
			origin = scheme + "://" + host
		} else {
			origin, _, _ = strings.Cut(origin, ",")
		}
		mu.Lock()
		defer mu.Unlock()
		asked[origin]++
	})
	if err != nil {
		t.Fatal(err)
	}
	all := scenes(lived(b.desk))
	b.play(all, func(scene) {})
	mu.Lock()
	defer mu.Unlock()
	for origin, n := range asked {
		if origin != b.desk.url && !strings.HasPrefix(origin, "data:image/") {
			t.Errorf("%d requests went to %s", n, origin)
		}
	}
	if asked[b.desk.url] < 3*len(all) {
		t.Errorf("only %d requests were seen of %d scenes: %v", asked[b.desk.url], len(all), asked)
	}
}
