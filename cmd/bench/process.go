package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that serves.
type process struct {
	*exec.Cmd
	addr  string        // served by net/http
	inner string        // what --verify-addr names, served by fasthttp: verify is asked there
	ready time.Duration // from its start to the line that says so
}

var (
	readyLine = regexp.MustCompile(`ready at http://(\S+)`)
	innerLine = regexp.MustCompile(`verify and metrics are at http://(\S+)`)
)

// start starts a program and waits until it says that it is ready.
func start(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{Cmd: exec.CommandContext(ctx, name, args...)}
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := p.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found := readyLine.FindStringSubmatch(lines.Text()); found != nil {
			p.addr, p.ready = found[1], time.Since(began)
			if slices.Contains(args, innerFlag) {
				lines.Scan()
				if found = innerLine.FindStringSubmatch(lines.Text()); found == nil {
					return nil, errors.Join(fmt.Errorf("%s says %q, not where verify is", name, lines.Text()), p.stop())
				}
				p.inner = found[1]
			}
			go func() {
				for lines.Scan() { // so that it never waits for a reader
					continue
				}
			}()
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s did not get ready", name), p.Wait())
}

// startYardstick starts what the desk is held against.
func startYardstick(ctx context.Context) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, self, "yardstick")
}

// stop ends it as an operator does, and waits until it has. It may have ended before.
func (p *process) stop() error {
	if err := p.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := p.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == -1 {
		return nil // by the signal itself
	}
	return err
}

// memory returns its resident memory in MiB.
func (p *process) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// run has a load generator make the load.
func (l load) run(ctx context.Context) (r result, err error) {
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	input, err := json.Marshal(l)
	if err != nil {
		return r, err
	}
	cmd := exec.CommandContext(ctx, self, "client")
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(input)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("load of %s%s: %w", l.Addr, l.Path, err)
	}
	return r, json.Unmarshal(out, &r)
}
