package db

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// anchorLine is a line of an anchor file: either a head, which names the log and the key that signs it from there on, or
// an entry of the log. The last entry of what was appended at once has the log's checkpoint with it.
type anchorLine struct {
	Origin     string          `json:"origin,omitempty"`
	Verifier   string          `json:"verifier,omitempty"`
	Entry      json.RawMessage `json:"entry,omitempty"`
	Checkpoint string          `json:"checkpoint,omitempty"`
}

// appendHead appends the line of a head.
func appendHead(b []byte, verifier string) ([]byte, error) {
	line, err := json.Marshal(anchorLine{Origin: originOf(verifier), Verifier: verifier})
	return append(append(b, line...), '\n'), err
}

// appendEntry appends the line of an entry, which stands in it byte by byte as it was hashed.
func appendEntry(b, entry []byte, checkpoint string) ([]byte, error) {
	b = append(append(b, `{"entry":`...), entry...)
	if checkpoint != "" {
		quoted, err := json.Marshal(checkpoint)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"checkpoint":`...), quoted...)
	}
	return append(b, "}\n"...), nil
}

// parseAnchorLine reads a line, with or without its end. Whatever else stands in it makes it another line than was written.
func parseAnchorLine(text []byte) (l anchorLine, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, err
	}
	if d.More() {
		return l, errors.New("something follows on it")
	}
	if (l.Entry == nil) == (l.Verifier == "") {
		return l, errors.New("it is neither a head nor an entry")
	}
	return l, nil
}

// anchorEnd is where what is sure of an anchor file ends: behind its last checkpoint, or behind its head. What follows was
// being appended when the machine or the program was stopped, and nobody was answered.
type anchorEnd struct {
	head anchorLine // the first line
	last anchorLine // the last one with a checkpoint; none of a log without changes
	at   int64      // in bytes
}

// findAnchorEnd reads the file backwards until there is a checkpoint, so that a long one takes no longer.
func findAnchorEnd(f *os.File) (end anchorEnd, err error) {
	info, err := f.Stat()
	if err != nil {
		return end, err
	}
	first, err := bufio.NewReader(f).ReadBytes('\n')
	if err == nil {
		end.head, err = parseAnchorLine(first)
	}
	if err != nil || end.head.Verifier == "" {
		return end, errors.New("it does not begin with the name of a log and its key")
	}
	end.at = int64(len(first))
	size, part := info.Size(), int64(64<<10)
	for {
		part = min(part, size-int64(len(first)))
		text := make([]byte, part)
		if _, err := f.ReadAt(text, size-part); err != nil && !errors.Is(err, io.EOF) {
			return end, err
		}
		whole := size-part == int64(len(first))
		if line, at := lastSigned(text, whole); at >= 0 {
			end.last, end.at = line, size-part+at
			return end, checkTorn(text[at:])
		}
		if whole {
			return end, checkTorn(text)
		}
		part *= 4
	}
}

// lastSigned returns the last line of the text that has a checkpoint, and where the next one begins; -1 where there is
// none. The text may begin in the middle of a line.
func lastSigned(text []byte, whole bool) (line anchorLine, next int64) {
	for end := bytes.LastIndexByte(text, '\n'); end >= 0; {
		begin := bytes.LastIndexByte(text[:end], '\n')
		if begin < 0 && !whole {
			break
		}
		line, err := parseAnchorLine(text[begin+1 : end])
		if err == nil && line.Checkpoint != "" {
			return line, int64(end) + 1
		}
		end = begin
	}
	return anchorLine{}, -1
}

// checkTorn returns an error unless the text can be what is left of lines that were being appended: all but the last are
// whole, or a power cut has left zeros in them.
func checkTorn(text []byte) error {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil
	}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			return nil
		}
		if _, err := parseAnchorLine(line); err != nil {
			return fmt.Errorf("one of its last lines does not read: %w", err)
		}
	}
	return nil
}

// eachAnchorLine calls do with the lines between two places in the file, and with where each begins.
func eachAnchorLine(f *os.File, from, to int64, do func(at int64, line anchorLine) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(f, from, to-from), 1<<20)
	for {
		text, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		line, err := parseAnchorLine(text)
		if err != nil {
			return fmt.Errorf("%w: a line does not read: %w", errAnchorLine, err)
		}
		if err := do(from, line); err != nil {
			return err
		}
		from += int64(len(text))
	}
}

// errAnchorLine says that a line is not as it was written.
var errAnchorLine = errors.New("not as it was written")

// appended is the file that an anchor is appended to.
type appended interface {
	io.Writer
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
	Stat() (os.FileInfo, error)
	Close() error
	// Datasync waits until what was written is on the disk.
	Datasync() error
}

// diskFile is such a file on a disk.
type diskFile struct{ *os.File }

// Datasync waits for the bytes and the length of the file, not for its times.
func (f diskFile) Datasync() error { return datasync(f.File) }

func openDiskFile(path string) (appended, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}
