// Command keydesk is the self-hosted desk for an organisation's API keys, with the commands of its operator.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

// cli is the command line. Every setting is a flag and an environment variable.
type cli struct {
	Serve    serveCmd    `cmd:"" help:"Serve the desk."`
	User     userCmd     `cmd:"" help:"Add, reset, disable and list users."`
	Backup   backupCmd   `cmd:"" help:"Copy the SQLite database to a new file, also while the server runs."`
	Restore  restoreCmd  `cmd:"" help:"Check a backup, and make it the database where there is none."`
	Export   exportCmd   `cmd:"" help:"Print the report of all keys, masked, as CSV, also while the server runs."`
	Audit    auditCmd    `cmd:"" help:"Check, print and prove the audit log."`
	DemoData demoDataCmd `cmd:"" help:"Make a new database of made-up people and keys, for load tests."`
	Secret   secretCmd   `cmd:"" help:"Rotate and list secrets."`
	Session  sessionCmd  `cmd:"" help:"End sessions."`
	Move     moveCmd     `cmd:"" help:"Copy everything in an SQLite database to an empty PostgreSQL database."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// stdio is what a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// notice tells the operator what was done besides, a sentence.
func (s stdio) notice(sentence string) { _, _ = fmt.Fprintln(s.err, "keydesk: "+sentence) }

func main() {
	std := stdio{os.Stdin, os.Stdout, os.Stderr}
	if err := harden(); err != nil {
		os.Exit(fail(std, exitFailure, err))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], std))
}

// run runs a command until it is done or ctx is, and returns the exit code. An error is one line.
func run(ctx context.Context, args []string, std stdio) int {
	if !utf8.ValidString(strings.Join(args, "")) {
		return fail(std, exitFailure, errors.New("an argument is not valid UTF-8 text"))
	}
	done := false
	parser, err := kong.New(&cli{},
		kong.Name("keydesk"),
		kong.Description("Keydesk: where people make, see and retire their own API keys."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(int) { done = true }), // --help has printed
	)
	if err != nil {
		return fail(std, exitFailure, err)
	}
	parser.Model.HelpFlag.Help = "Print this help."
	command, err := parser.Parse(args)
	if done {
		return 0
	}
	if bad := usageError(err); bad != nil {
		return fail(std, exitUsage, fmt.Errorf("%w; `%s --help` tells more", err, commandOf(bad)))
	}
	if err != nil {
		return fail(std, exitFailure, err)
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(std); err != nil {
		return fail(std, exitFailure, err)
	}
	return 0
}

func fail(std stdio, code int, err error) int {
	_, _ = fmt.Fprintln(std.err, "keydesk: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	return code
}

// usageError returns the error of a command line that does not parse, or nil. A setting whose value is wrong is a
// failure instead.
func usageError(err error) *kong.ParseError {
	if bad, ok := errors.AsType[*kong.ParseError](err); ok && bad.ExitCode() != exitFailure {
		return bad
	}
	return nil
}

// commandOf returns the command that was meant, as far as it is clear.
func commandOf(bad *kong.ParseError) string {
	if meant := bad.Context.Selected(); meant != nil {
		return meant.FullPath()
	}
	return bad.Context.Model.Name
}
