package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof is an entry of the audit log with what proves that it is part of what a checkpoint was signed of.
type Proof struct {
	Index int64            // of the entry, from 0
	Entry []byte           // as Change.Entry returns it
	Leaf  tlog.Hash        // of the entry
	Path  tlog.RecordProof // from there to the root (RFC 6962, 2.1.1)
}

// LogLine is a line of an exported audit log, or of a proof: a head, a proof, or both.
type LogLine struct {
	Origin     string           `json:"origin,omitempty"`
	Verifiers  []string         `json:"verifiers,omitempty"` // public keys, newest first; to know them from here proves nothing
	Index      *int64           `json:"index,omitempty"`
	Entry      json.RawMessage  `json:"entry,omitempty"`
	LeafHash   *tlog.Hash       `json:"leaf_hash,omitempty"`
	Path       tlog.RecordProof `json:"proof,omitempty"`
	Checkpoint string           `json:"checkpoint,omitempty"`
}

// Append appends the proof as a line of JSON, in which the entry stands as it was hashed. checkpoint is the signed one, and
// may be empty where another line has it.
func (p Proof) Append(line []byte, checkpoint string) ([]byte, error) {
	rest, err := json.Marshal(struct {
		Leaf       tlog.Hash        `json:"leaf_hash"`
		Path       tlog.RecordProof `json:"proof"`
		Checkpoint string           `json:"checkpoint,omitempty"`
	}{p.Leaf, p.Path, checkpoint})
	if err != nil {
		return nil, err
	}
	line = fmt.Appendf(line, `{"index":%d,"entry":%s,`, p.Index, p.Entry)
	return append(append(line, rest[1:]...), '\n'), nil
}

// ParseLogLine reads what Append or a head wrote. It refuses what it does not know.
func ParseLogLine(line []byte) (l LogLine, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, fmt.Errorf("read line: %w", err)
	}
	if d.More() {
		return l, errors.New("read line: something follows on it")
	}
	return l, nil
}

// Proof returns the proof that the line holds, if it does.
func (l LogLine) Proof() (p Proof, there bool, err error) {
	if l.Index == nil && l.Entry == nil && l.LeafHash == nil && l.Path == nil {
		return p, false, nil
	}
	if l.Index == nil || l.Entry == nil || l.LeafHash == nil {
		return p, false, errors.New("the line lacks its index, its entry or its leaf hash")
	}
	return Proof{*l.Index, l.Entry, *l.LeafHash, l.Path}, true, nil
}

// Check returns the entry if the proof proves that it is part of the log of the checkpoint.
func (p Proof) Check(c Checkpoint) (Change, error) {
	change, _, err := ParseEntry(p.Entry)
	if err != nil {
		return Change{}, err
	}
	if change.Number != p.Index+1 {
		return Change{}, fmt.Errorf("the entry has number %d, but its index is %d", change.Number, p.Index)
	}
	if tlog.RecordHash(p.Entry) != p.Leaf {
		return Change{}, fmt.Errorf("entry %d is not the one whose hash stands with it", change.Number)
	}
	if p.Index < 0 || p.Index >= c.Size {
		return Change{}, fmt.Errorf("entry %d is not among the %d of the checkpoint", change.Number, c.Size)
	}
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, p.Index, p.Leaf); err != nil {
		return Change{}, fmt.Errorf("entry %d is not part of the log that was signed: %w", change.Number, err)
	}
	return change, nil
}
