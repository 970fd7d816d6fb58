package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestProgressIsALineThatFills(t *testing.T) {
	var out bytes.Buffer
	p := progress{out: &out, total: 1000}
	for range 500 {
		p.add(2)
	}
	p.end()
	drawn := strings.Split(out.String(), "\r")
	last := "[" + strings.Repeat("#", 40) + "] 100% of 1000 keys\n"
	if len(drawn) != 101 || drawn[0] != "" || drawn[100] != last {
		t.Errorf("drawn are %q", drawn)
	}
	if half := "[" + strings.Repeat("#", 20) + strings.Repeat(".", 20) + "]  50% of 1000 keys"; drawn[50] != half {
		t.Errorf("halfway it is %q", drawn[50])
	}
}

func TestProgressOfNothingOrTooMuch(t *testing.T) {
	var out bytes.Buffer
	p := progress{out: &out}
	p.add(7)
	p.end()
	if out.Len() > 0 {
		t.Errorf("of nothing: %q", out.String())
	}
	p = progress{out: &out, total: 2}
	p.add(3) // keys were made since they were counted
	p.end()
	if !strings.HasSuffix(out.String(), "] 100% of 2 keys\n") {
		t.Errorf("of too much: %q", out.String())
	}
}
