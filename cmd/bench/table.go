package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
)

// table gathers what was measured.
type table struct{ rows []row }

type row struct {
	what   string
	values []float64
	reach  string // what it should be; may be empty
}

func (t *table) add(what string, values []float64, reach string) {
	slices.Sort(values)
	t.rows = append(t.rows, row{what, values, reach})
}

// print prints the median and the spread of every row.
func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "on %d cores, %s\n\n", runtime.NumCPU(), runtime.Version())
	_, _ = fmt.Fprintln(w, "what\tmedian\tfrom\tto\treach")
	for _, r := range t.rows {
		_, _ = fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%s\n", r.what, r.values[len(r.values)/2], r.values[0], r.values[len(r.values)-1], r.reach)
	}
	return w.Flush()
}
