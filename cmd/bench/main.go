// Command bench holds Keydesk under load against yardsticks that run beside it, round by round.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// bench is one run of it.
type bench struct {
	keydesk string // the program
	dir     string // of its database
	keys    int
	rounds  int
	round   time.Duration // of each load
	table   table
}

func main() {
	if err := run(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	b := &bench{}
	flag.StringVar(&b.keydesk, "keydesk", "bin/keydesk", "the program to measure")
	flag.IntVar(&b.keys, "keys", 1_000_000, "keys in the database")
	flag.IntVar(&b.rounds, "rounds", 7, "how often each load is made, in turn with its yardsticks")
	flag.DurationVar(&b.round, "round", 4*time.Second, "how long each load is made")
	flag.Parse()
	switch flag.Arg(0) {
	case "client":
		return client()
	case "yardstick":
		return yardstick()
	}
	// Only here: the client and the yardstick are to end by the signal itself.
	ctx, release := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer release()
	if b.dir, err = os.MkdirTemp("", "keydesk-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.fill(ctx); err != nil {
		return err
	}
	for _, measure := range []func(context.Context) error{b.starts, b.verifies, b.flood, b.pages} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return b.table.print(os.Stdout)
}

// fill makes a database with so many keys, a tenth of them inactive, an administrator and a user with 50 keys.
func (b *bench) fill(ctx context.Context) error {
	_, _ = fmt.Fprintf(os.Stderr, "making up %d keys ...\n", b.keys)
	users := max(1, b.keys)
	if err := b.command(ctx, "", "demo-data", fmt.Sprint("--users=", users), fmt.Sprint("--keys=", b.keys), "--secrets="+b.secrets()); err != nil {
		return err
	}
	for id, role := range map[string]string{"bench-admin": "admin", "bench-user": "user"} {
		if err := b.command(ctx, password, "user", "add", id, "--role="+role, "--password-stdin"); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) database() string { return "--database=" + filepath.Join(b.dir, "keydesk.db") }

func (b *bench) secrets() string { return filepath.Join(b.dir, "secrets") }

// command runs the program to its end.
func (b *bench) command(ctx context.Context, input string, args ...string) error {
	cmd := exec.CommandContext(ctx, b.keydesk, append(args, b.database())...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = in.Write([]byte(input))
	return errors.Join(err, in.Close(), cmd.Wait())
}

const innerFlag = "--verify-addr=127.0.0.1:0"

// serve starts the program as it is run, metrics and uses on.
func (b *bench) serve(ctx context.Context) (*process, error) {
	return start(ctx, b.keydesk, "serve", b.database(), "--addr=127.0.0.1:0", "--log-level=warn", innerFlag, "--create-rate=1000")
}
