package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
)

type auditVerifyCmd struct {
	databaseFlags
	secretFlags
	Key        []string `sep:"none" placeholder:"KEY" help:"Public key that the log must be signed with, as audit key prints it; several may be given. Without any, those that the root secret opens."`
	Entry      *int64   `xor:"what" placeholder:"N" help:"Check one entry only, by its proof."`
	Checkpoint string   `xor:"what" placeholder:"FILE" help:"Check that the log goes on from a checkpoint that was kept elsewhere; - reads it from standard input."`
	Proof      string   `xor:"what" placeholder:"FILE" help:"Check a downloaded proof or an exported log, without a database, by --key; - reads it from standard input."`
}

// Run checks what is asked for. What is wrong are lines, and an error.
func (c *auditVerifyCmd) Run(ctx context.Context, std stdio) error {
	switch {
	case c.Entry != nil && *c.Entry < 1:
		return errors.New("--entry: entries are numbered from 1")
	case c.Proof != "":
		return c.proof(std)
	}
	d, err := c.openToRead(ctx)
	if err != nil {
		return err
	}
	check := c.all
	switch {
	case c.Checkpoint != "":
		check = c.checkpoint
	case c.Entry != nil:
		check = c.entry
	}
	return errors.Join(check(ctx, d, std), d.Close())
}

// keys returns the public keys that are given, or those that the root secret opens.
func (c *auditVerifyCmd) keys(ctx context.Context, d *db.DB) (keys []string, list note.Verifiers, err error) {
	if keys = c.Key; len(keys) == 0 {
		if keys, err = logKeys(ctx, d, c.databaseFlags, c.secretFlags); err != nil {
			return nil, nil, err
		}
	}
	if list, err = access.ParseVerifiers(keys); err != nil {
		err = fmt.Errorf("--key: %w", err)
	}
	return keys, list, err
}

// all checks the whole log, and the rows that it tells of.
func (c *auditVerifyCmd) all(ctx context.Context, d *db.DB, std stdio) error {
	state, err := c.state(ctx, d)
	if err != nil {
		return err
	}
	for _, finding := range state.Findings {
		if _, err := fmt.Fprintln(std.out, finding); err != nil {
			return err
		}
	}
	if !state.Sound() {
		return wrongLog(state)
	}
	_, err = fmt.Fprintf(std.out, "The audit log %s is sound: %s, root %s. All rows are as it says: %s, %s, %s, %s, %s.\n", state.Origin,
		english.Plural(int(state.Size), "entry", ""), state.Root, english.Plural(int(state.Users), "user", ""),
		english.Plural(int(state.Keys), "key", ""), english.Plural(int(state.Links), "link", ""),
		english.Plural(int(state.Passkeys), "passkey", ""), english.Plural(int(state.Codes), "recovery code", ""))
	return err
}

// state checks the log. Where its key was rotated between a look at the keys and one at the log, it looks again.
func (c *auditVerifyCmd) state(ctx context.Context, d *db.DB) (state db.LogState, err error) {
	keys, _, err := c.keys(ctx, d)
	for err == nil {
		if state, err = d.VerifyLog(ctx, access.TheOperator(), keys); err != nil || state.Sound() {
			return state, err
		}
		looked := keys
		if keys, _, err = c.keys(ctx, d); slices.Equal(keys, looked) {
			break
		}
	}
	return state, err
}

func wrongLog(state db.LogState) error {
	listed := ""
	if state.More > 0 {
		listed = fmt.Sprintf(", of which the first %d are listed", len(state.Findings))
	}
	return fmt.Errorf("the audit log or what it tells of was altered: %s%s",
		english.Plural(len(state.Findings)+state.More, "finding", ""), listed)
}

// entry checks one entry.
func (c *auditVerifyCmd) entry(ctx context.Context, d *db.DB, std stdio) error {
	p, head, err := d.LogProof(ctx, access.TheOperator(), *c.Entry)
	if err != nil {
		return err
	}
	_, list, err := c.keys(ctx, d) // after the log, or a rotation between the two would pass for a wrong signature
	if err != nil {
		return err
	}
	signed, err := access.OpenCheckpoint(head.Signed, list)
	if err != nil {
		return fmt.Errorf("the log's checkpoint: %w", err)
	}
	return printProven(std, p, signed)
}

func printProven(std stdio, p access.Proof, signed access.Checkpoint) error {
	change, err := p.Check(signed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "Entry %d is part of the audit log %s of %s, root %s:\n%s\n",
		change.Number, signed.Origin, english.Plural(int(signed.Size), "entry", ""), signed.Root, p.Entry)
	return err
}

// checkpoint checks that the log goes on from the checkpoint that was kept.
func (c *auditVerifyCmd) checkpoint(ctx context.Context, d *db.DB, std stdio) error {
	_, list, err := c.keys(ctx, d)
	if err != nil {
		return err
	}
	const enough = 64 << 10 // bytes; no checkpoint is that long
	kept, err := readFile(c.Checkpoint, std, func(in io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(in, enough)) })
	if err != nil {
		return fmt.Errorf("--checkpoint: %w", err)
	}
	// As it was kept: a paste has lost its last line's end, or was given other ones.
	text := strings.TrimRight(strings.ReplaceAll(string(kept), "\r\n", "\n"), "\n") + "\n"
	old, err := access.OpenCheckpoint(text, list)
	if err != nil {
		return fmt.Errorf("--checkpoint: %s is not signed by this log's key: %w", c.Checkpoint, err)
	}
	head, err := d.Head(ctx, access.TheOperator())
	if err != nil {
		return err
	}
	if head.Origin != old.Origin {
		return fmt.Errorf("the checkpoint is of the log %s, and this is the log %s", old.Origin, head.Origin)
	}
	if old.Size > head.Size {
		return fmt.Errorf("the log was rolled back or truncated: it has %s, but had %d when the checkpoint was signed",
			english.Plural(int(head.Size), "entry", ""), old.Size)
	}
	proof, head, err := d.LogConsistency(ctx, access.TheOperator(), old.Size)
	if err != nil {
		return err
	}
	if _, list, err = c.keys(ctx, d); err != nil { // it may be of a newer one by now
		return err
	}
	now, err := access.OpenCheckpoint(head.Signed, list)
	if err != nil {
		return fmt.Errorf("the log's checkpoint: %w", err)
	}
	if err := tlog.CheckTree(proof, now.Size, now.Root, old.Size, old.Root); err != nil {
		return fmt.Errorf("the log does not go on from the checkpoint: it does not begin with the %s that the checkpoint was signed of",
			english.Plural(int(old.Size), "entry", ""))
	}
	_, err = fmt.Fprintf(std.out, "The audit log %s goes on from the checkpoint: it had %s, and has %d, root %s.\n",
		now.Origin, english.Plural(int(old.Size), "entry", ""), now.Size, now.Root)
	return err
}

// readFile reads a file, or standard input.
func readFile[T any](name string, std stdio, read func(io.Reader) (T, error)) (got T, err error) {
	if name == "-" {
		return read(std.in)
	}
	f, err := os.Open(name)
	if err != nil {
		return got, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return read(f)
}
