package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keydesk/keydesk/access"
)

const (
	connections = 64
	verifyPath  = "/api/v1/verify"
	service     = "X-Keydesk-Service: bench\r\n"
)

// starts measures how long the program takes until it is ready, and its memory then.
func (b *bench) starts(ctx context.Context) error {
	var took, memory []float64
	for range b.rounds {
		p, err := b.serve(ctx)
		if err != nil {
			return err
		}
		mib, err := p.memory()
		if err := errors.Join(err, p.stop()); err != nil {
			return err
		}
		took, memory = append(took, p.ready.Seconds()), append(memory, mib)
	}
	b.table.add("start until ready, s", took, "<= 2")
	b.table.add("memory at the start, MiB", memory, "<= 200")
	return nil
}

// verifies measures verify against the yardsticks, in turn.
func (b *bench) verifies(ctx context.Context) (err error) {
	desk, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.stop()) }()
	bare, err := startYardstick(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	verify := load{
		Addr: desk.inner, Path: verifyPath, Header: service, Keys: b.secrets(), Connections: connections, Time: b.round, Want: 200,
	}
	same, empty, outer := verify, verify, verify
	same.Addr, same.Path = bare.addr, "/same"
	empty.Addr, empty.Path, empty.Want = bare.addr, "/204", 204
	outer.Addr = desk.addr
	var toSame, toEmpty, outerToSame, tail, rate []float64
	for i := range b.rounds {
		loads := []load{verify, same, empty, outer}
		got := make([]result, len(loads))
		for n := range loads { // each round begins with another, so that none always follows the same one
			at := (i + n) % len(loads)
			if got[at], err = loads[at].run(ctx); err != nil {
				return err
			}
		}
		toSame = append(toSame, got[0].perSecond()/got[1].perSecond())
		toEmpty = append(toEmpty, got[0].perSecond()/got[2].perSecond())
		outerToSame = append(outerToSame, got[3].perSecond()/got[1].perSecond())
		tail = append(tail, float64(got[0].P99)/float64(got[1].P99))
		rate = append(rate, got[0].perSecond())
	}
	memory, err := desk.memory()
	if err != nil {
		return err
	}
	b.table.add("verify, requests/s over the same-bytes handler's", toSame, ">= 0.95")
	b.table.add("verify, requests/s over the 204 handler's", toEmpty, ">= 0.85")
	b.table.add("verify at the pages' address, requests/s over the same-bytes handler's", outerToSame, "")
	b.table.add("verify p99 over the same-bytes handler's", tail, "<= 1.25")
	b.table.add("verify, requests/s (for orientation)", rate, "")
	b.table.add("memory after that load, MiB", []float64{memory}, "<= 200")
	return nil
}

// flood measures one caller's p99 alone, and beside another who floods the desk with keys that do not exist, from as many
// connections and from eight times as many.
func (b *bench) flood(ctx context.Context) (err error) {
	desk, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.stop()) }()
	bad, err := b.badKeys()
	if err != nil {
		return err
	}
	caller := load{Addr: desk.inner, Path: verifyPath, Header: service, Keys: b.secrets(), Connections: 8, Time: b.round, Want: 200}
	flood, others := caller, caller
	flood.Keys, flood.Want, flood.Time = bad, 401, b.round+2*time.Second
	others.Time = flood.Time
	wide := flood
	wide.Connections = connections
	var ratio, kind, wider []float64
	for range b.rounds {
		alone, err := caller.run(ctx)
		if err != nil {
			return err
		}
		beside, err := besideEachOther(ctx, caller, flood)
		if err != nil {
			return err
		}
		good, err := besideEachOther(ctx, caller, others)
		if err != nil {
			return err
		}
		many, err := besideEachOther(ctx, caller, wide)
		if err != nil {
			return err
		}
		ratio = append(ratio, float64(beside.P99)/float64(alone.P99))
		wider = append(wider, float64(many.P99)/float64(alone.P99))
		kind = append(kind, float64(beside.P99)/float64(good.P99))
	}
	b.table.add("a caller's p99 beside a flood of bad keys, over alone", ratio, "<= 2")
	b.table.add("the same, the flood from 64 connections", wider, "<= 2")
	b.table.add("the first, over beside as many good keys", kind, "")
	return nil
}

// besideEachOther returns the result of one load while another is made.
func besideEachOther(ctx context.Context, measured, other load) (result, error) {
	ended := make(chan error, 1)
	go func() {
		_, err := other.run(ctx)
		ended <- err
	}()
	r, err := measured.run(ctx)
	return r, errors.Join(err, <-ended)
}

// badKeys returns a file of well-formed keys that nobody made.
func (b *bench) badKeys() (string, error) {
	var text strings.Builder
	for range 100_000 {
		text.WriteString(access.NewSecret(access.DefaultPrefix).Reveal() + "\n")
	}
	path := filepath.Join(b.dir, "bad")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return "", fmt.Errorf("bad keys: %w", err)
	}
	return path, nil
}
