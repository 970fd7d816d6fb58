package access

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what the audit log holds at a size. Of one origin there are never two that contradict each other.
type Checkpoint struct {
	Origin string // names the log
	Size   int64  // entries
	Root   tlog.Hash
}

// LogHead is where the audit log ends.
type LogHead struct {
	Checkpoint
	Signed    string   // the checkpoint as it was signed; empty while there is no entry
	Verifiers []string // the log's public keys as the database has them, newest first: who doubts it knows them from elsewhere
}

// Sign returns the checkpoint as a signed note, in the form of C2SP's tlog-checkpoint.
func (c Checkpoint) Sign(signers ...note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signers...)
	return string(signed), err
}

func (c Checkpoint) text() string { return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root) }

// OpenCheckpoint returns the checkpoint of a note that one of the verifiers' keys has signed, which is of the same log.
func OpenCheckpoint(signed string, verifiers note.Verifiers) (Checkpoint, error) {
	n, err := note.Open([]byte(signed), verifiers)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint(n.Text)
	if err == nil && !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == c.Origin }) {
		err = fmt.Errorf("the key of another log has signed the checkpoint of %s", c.Origin)
	}
	return c, err
}

// ReadCheckpoint returns the checkpoint of a note, whoever has signed it.
func ReadCheckpoint(signed string) (Checkpoint, error) {
	text, _, signatures := strings.Cut(signed, "\n\n")
	if !signatures {
		return Checkpoint{}, errors.New("a checkpoint is a signed note")
	}
	return parseCheckpoint(text + "\n")
}

// SpeltAsSigned tells whether a checkpoint is spelt as Sign spells it, with signatures of the log's keys and nothing else. Of
// one that both keys of a rotation have signed, either is enough.
func SpeltAsSigned(signed string, verifiers note.Verifiers) bool {
	n, err := note.Open([]byte(signed), verifiers)
	if err != nil {
		return false
	}
	origin, _, _ := strings.Cut(n.Text, "\n")
	all := slices.Concat(n.Sigs, n.UnverifiedSigs)
	lines := strings.SplitAfter(strings.TrimPrefix(signed, n.Text+"\n"), "\n")
	if len(all) > mostSignatures || len(lines) != len(all)+1 { // behind the last line is nothing
		return false
	}
	for _, s := range all {
		_, err := base64.StdEncoding.Strict().DecodeString(s.Base64)
		if err != nil || s.Name != origin || !slices.Contains(lines, "\u2014 "+s.Name+" "+s.Base64+"\n") {
			return false
		}
	}
	return true
}

// mostSignatures is how many a checkpoint has: that of a rotation is signed by the former key too.
const mostSignatures = 2

// parseCheckpoint reads the lines that text writes; further ones are extensions, which say nothing to us.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Checkpoint{}, fmt.Errorf("a checkpoint has three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("the checkpoint's size %q is no number of entries", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, fmt.Errorf("the checkpoint's root %q is no hash", lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}
