package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// spool keeps what an export has read until somebody takes it. The snapshot lasts as long as the database takes to read, and
// not as long as a slow reader takes: meanwhile SQLite's write-ahead log cannot be moved into the database and grows.
type spool struct {
	file *os.File
	size int64

	mu     sync.Mutex
	change sync.Cond
	pieces []piece // that nobody has taken
	err    error   // why no more come, once that is so: errRead when all have
}

// piece is a part of an export: its place in the file, or what it is where the file could not take it.
type piece struct {
	at           int64
	length, rows int
	kept         []byte
}

var errRead = errors.New("all is read")

// newSpool makes the file in the folder of the database. It has no name any more when it is used, so that nothing is left of it.
func newSpool(database string) (*spool, error) {
	f, err := os.CreateTemp(filepath.Dir(database), "."+filepath.Base(database)+"-report-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &spool{file: f}
	s.change.L = &s.mu
	return s, nil
}

// write keeps a part. If there is no room for it on the disk, it waits until it is taken.
func (s *spool) write(ctx context.Context, part []byte, rows int) error {
	p := piece{at: s.size, length: len(part), rows: rows}
	if _, err := s.file.WriteAt(part, s.size); err != nil {
		p.kept = slices.Clone(part)
	} else {
		s.size += int64(len(part))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces = append(s.pieces, p)
	s.change.Broadcast()
	for p.kept != nil && len(s.pieces) > 0 && ctx.Err() == nil {
		s.change.Wait()
	}
	return ctx.Err()
}

// end says that no more parts come.
func (s *spool) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.err = errRead
	}
	s.change.Broadcast()
}

// take returns the next part, in memory that the former had, or why there is none.
func (s *spool) take(ctx context.Context, memory []byte) ([]byte, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pieces) == 0 && s.err == nil && ctx.Err() == nil {
		s.change.Wait()
	}
	switch {
	case ctx.Err() != nil:
		return nil, 0, fmt.Errorf("export: %w", ctx.Err())
	case len(s.pieces) == 0:
		return nil, 0, s.err
	}
	p := s.pieces[0]
	s.pieces = s.pieces[1:]
	s.change.Broadcast()
	if p.kept != nil {
		return p.kept, p.rows, nil
	}
	memory = slices.Grow(memory[:0], p.length)[:p.length]
	if _, err := s.file.ReadAt(memory, p.at); err != nil {
		return nil, 0, fmt.Errorf("export: %w", err)
	}
	return memory, p.rows, nil
}

// through reads the snapshot to its end, writes the parts to out meanwhile, and ends the snapshot as soon as it is read.
func (s *spool) through(ctx context.Context, shot *snapshot, read func(context.Context, Export) error, out Export) error {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(ctx, s.wake)()
	send, reading := out.Write, sync.WaitGroup{}
	out.Write = func(part []byte, rows int) error { return s.write(ctx, part, rows) }
	reading.Go(func() {
		err := read(ctx, out)
		shot.end()
		s.end(err)
	})
	defer reading.Wait()
	defer cancel()
	var part []byte
	for {
		var rows int
		var err error
		if part, rows, err = s.take(ctx, part); errors.Is(err, errRead) {
			return nil
		} else if err != nil {
			return err
		}
		if err := send(part, rows); err != nil {
			return err
		}
	}
}

func (s *spool) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change.Broadcast()
}
