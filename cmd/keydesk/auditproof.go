package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize/english"
	"golang.org/x/mod/sumdb/note"

	"github.com/keydesk/keydesk/access"
)

// longestLine is the most bytes that a line of an exported log may have. An entry that began a log names each link.
const longestLine = 64 << 20

// provenLines is what was read of proofs so far.
type provenLines struct {
	list   note.Verifiers
	signed access.Checkpoint // of the lines from here on
	opened bool
	count  int
	last   access.Proof
}

// proof checks a file of proofs without a database.
func (c *auditVerifyCmd) proof(std stdio) error {
	if len(c.Key) == 0 {
		return errors.New("--proof needs --key: a proof proves nothing without the public key, which `keydesk audit key` prints")
	}
	list, err := access.ParseVerifiers(c.Key)
	if err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	proven, err := readFile(c.Proof, std, func(in io.Reader) (*provenLines, error) {
		p := &provenLines{list: list}
		return p, p.read(in)
	})
	switch {
	case err != nil:
		return fmt.Errorf("--proof: %w", err)
	case proven.count == 0:
		return errors.New("--proof: there is no entry in it")
	case proven.count == 1:
		return printProven(std, proven.last, proven.signed)
	}
	_, err = fmt.Fprintf(std.out, "%d entries, the last of them entry %d, are part of the audit log %s of %s, root %s.\n",
		proven.count, proven.last.Index+1, proven.signed.Origin, english.Plural(int(proven.signed.Size), "entry", ""), proven.signed.Root)
	return err
}

func (p *provenLines) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := p.line(lines.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// line checks a line: a checkpoint, an entry with its proof, or both.
func (p *provenLines) line(text []byte) error {
	line, err := access.ParseLogLine(text)
	if err != nil {
		return err
	}
	if line.Checkpoint != "" {
		if p.signed, err = access.OpenCheckpoint(line.Checkpoint, p.list); err != nil {
			return fmt.Errorf("its checkpoint: %w", err)
		}
		p.opened = true
	}
	proof, there, err := line.Proof()
	if err != nil || !there {
		return err
	}
	if !p.opened {
		return errors.New("no checkpoint came before the entry")
	}
	if _, err := proof.Check(p.signed); err != nil {
		return err
	}
	p.last = proof
	p.count++
	return nil
}
