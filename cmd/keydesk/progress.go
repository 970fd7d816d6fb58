package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// progress draws on a line of a terminal how far something has come; nothing where total is 0.
type progress struct {
	out         io.Writer
	of          string // what is counted; keys if empty
	total, done int
	shown       int // percent
}

const progressWidth = 40 // characters of the bar

// isTerminal tells whether somebody looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// add says that n more are done.
func (p *progress) add(n int) {
	p.done += n
	if p.total <= 0 {
		return
	}
	percent := min(100, int(int64(p.done)*100/int64(p.total)))
	if percent == p.shown {
		return
	}
	p.shown = percent
	full := percent * progressWidth / 100
	// Nobody looks at a terminal that is gone.
	_, _ = fmt.Fprintf(p.out, "\r[%s%s] %3d%% of %d %s", strings.Repeat("#", full), strings.Repeat(".", progressWidth-full),
		percent, p.total, cmp.Or(p.of, "keys"))
}

// end leaves the line, if there is something on it.
func (p *progress) end() {
	if p.shown > 0 {
		_, _ = fmt.Fprintln(p.out)
	}
}
