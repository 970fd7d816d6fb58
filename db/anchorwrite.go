package db

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize/english"

	"github.com/keydesk/keydesk/access"
)

// anchorPart is how many bytes are written at once.
const anchorPart = 1 << 20

// appendToAnchor appends all entries that the anchor lacks, from one state of the database.
func (db *DB) appendToAnchor(ctx context.Context) error {
	a := db.anchor
	if done, err := db.appendQueued(); done || err != nil {
		return err
	}
	t, err := db.read.BeginTxx(ctx, db.oneState)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	head, err := readHead(ctx, t)
	if err != nil {
		return err
	}
	if head.Number < a.size {
		return fmt.Errorf("%s has %s, but the database only %d: %w", a.path, english.Plural(int(a.size), "change", ""), head.Number, ErrWentBack)
	}
	if head.Number == a.size && a.verifier != "" {
		return a.file.Datasync() // of what it has been cut to
	}
	w := &anchorWriter{anchor: a, at: a.end}
	if err := w.head(db.verifierOf(head.Origin)); err != nil {
		return err
	}
	for last := a.size; last < head.Number; {
		const some = 1000
		entries, err := entriesAfter(ctx, t, last, some)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return fmt.Errorf("entry %d of the audit log is missing", last+1)
		}
		for _, e := range entries {
			last = e.Number
			if err := w.entry(e.Change, head); err != nil {
				return err
			}
		}
	}
	return w.finish(head.Number)
}

// verifierOf returns the public key of the newest key that signs the log of this origin.
func (db *DB) verifierOf(origin string) string {
	for _, verifier := range db.Secrets().Verifiers {
		if originOf(verifier) == origin {
			return verifier
		}
	}
	return ""
}

// anchorWriter is an append under way.
type anchorWriter struct {
	*anchor
	text     []byte
	at       int64 // bytes, with what is written but may not be on the disk
	verifier string
}

// head has a head come first if the log is signed with another key than before.
func (w *anchorWriter) head(verifier string) (err error) {
	if w.verifier = verifier; verifier != w.anchor.verifier {
		w.text, err = appendHead(w.text, verifier)
	}
	return err
}

func (w *anchorWriter) entry(c access.Change, head logHead) error {
	entry, err := c.Entry()
	if err != nil {
		return err
	}
	checkpoint := ""
	if c.Number == head.Number {
		checkpoint = head.Checkpoint
	}
	return w.line(entry, checkpoint)
}

func (w *anchorWriter) line(entry []byte, checkpoint string) (err error) {
	if w.text, err = appendEntry(w.text, entry, checkpoint); err != nil || len(w.text) < anchorPart {
		return err
	}
	return w.flush()
}

// finish waits until everything is on the disk, and notes that the anchor has as many entries.
func (w *anchorWriter) finish(entries int64) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.file.Datasync(); err != nil {
		return err
	}
	w.end, w.size, w.anchor.verifier = w.at, entries, w.verifier
	return nil
}

func (w *anchorWriter) flush() error {
	n, err := w.file.Write(w.text)
	w.at += int64(n)
	w.text = w.text[:0]
	return err
}
