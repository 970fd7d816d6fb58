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

// weights are those of what pages load, in bytes when gzipped.
type weights map[string]int

// weigh checks what the page and all that it loads weigh.
func (w weights) weigh(b *tab, name string) {
	b.t.Helper()
	var loads []string
	text := eval[string](b, `JSON.stringify([...new Set([...document.querySelectorAll("link[href], [src]")].map(e => e.href || e.src)
		.concat(performance.getEntriesByType("resource").map(e => e.name)))])`)
	if err := json.Unmarshal([]byte(text), &loads); err != nil {
		b.t.Fatal(err)
	}
	total, assets := gzipped(b.t, eval[string](b, `document.documentElement.outerHTML`)), 0
	for _, url := range loads {
		path, ours := strings.CutPrefix(url, b.desk.url)
		if !ours || !strings.HasPrefix(path, "/static/") {
			continue // data: images, and what htmx has fetched
		}
		if w[path] == 0 {
			got := b.desk.visitor().get(path)
			if got.status != http.StatusOK {
				b.t.Fatalf("%s: %d", path, got.status)
			}
			w[path] = gzipped(b.t, got.body)
		}
		total, assets = total+w[path], assets+1
	}
	if assets < 4 { // the style, two scripts, the icon
		b.t.Errorf("%s: only %d assets: %s", name, assets, text)
	}
	if total > heaviest {
		b.t.Errorf("%s: %d bytes", name, total)
	}
}

// origins counts requests by whom they ask.
type origins struct {
	mu    sync.Mutex
	asked map[string]int // by the beginning of the URL
}

// origins counts from now on whom the pages ask.
func (b *tab) origins() *origins {
	b.t.Helper()
	b.do() // starts the browser
	o := &origins{asked: map[string]int{}}
	err := chromedp.Listen(b.ctx, func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok {
			o.count(e.Request.URL)
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return o
}

func (o *origins) count(url string) {
	origin, _, _ := strings.Cut(url, ",")
	if scheme, rest, ok := strings.Cut(url, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		origin = scheme + "://" + host
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked[origin]++
}

// areOurs checks that nobody but the desk was asked for anything, and the desk at least so often.
func (o *origins) areOurs(d *desk, least int) {
	d.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for origin, n := range o.asked {
		if origin != d.url && !strings.HasPrefix(origin, "data:image/") {
			d.t.Errorf("%d requests went to %s", n, origin)
		}
	}
	if o.asked[d.url] < least {
		d.t.Errorf("only %d requests were seen, not %d: %v", o.asked[d.url], least, o.asked)
	}
}
