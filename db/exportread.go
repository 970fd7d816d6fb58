package db

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"sync"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// How many rows are read at once, and how many such parts may be ready before they are written. The first part is
// small, so that it leaves soon.
const (
	firstPart  = 256
	partRows   = 4096
	partsAhead = 4
)

// parts is the export of a snapshot under way: its readers take the parts of the report in turn, each from where the
// one before ends.
type parts struct {
	row    func([]byte, access.Key) []byte
	status access.Status
	times  lastTimes      // as the snapshot has them
	recent *recentUses    // as the snapshot has them
	ready  chan chan part // in the order of the report
	free   chan []byte    // memory to use again

	mu    sync.Mutex
	next  []driver.NamedValue // the last key before the next part
	size  int                 // rows of it
	taken bool                // there is none
}

// part is some rows, or the error that ends the export.
type part struct {
	rows []byte
	n    int
	err  error
}

// export reads the keys by all connections of the snapshot and writes them in order.
func (s *snapshot) export(ctx context.Context, status access.Status, out Export) error {
	recent, err := loadRecent(ctx, s.conns[0])
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	times, err := s.lastTimes(ctx)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &parts{
		row: out.Row, status: status, times: times, recent: recent, ready: make(chan chan part, partsAhead), free: make(chan []byte, partsAhead+exportReaders),
		next: named("", int64(math.MinInt64), ""), size: firstPart,
	}
	var readers sync.WaitGroup
	for _, conn := range s.conns {
		readers.Go(func() { p.read(ctx, conn) })
	}
	err = p.write(ctx, out)
	cancel()
	readers.Wait()
	return err
}

// write writes the parts until there are no more.
func (p *parts) write(ctx context.Context, out Export) error {
	for {
		var turn chan part
		select {
		case turn = <-p.ready:
		case <-ctx.Done():
			return fmt.Errorf("export: %w", ctx.Err())
		}
		if turn == nil {
			return nil
		}
		select {
		case got := <-turn:
			if got.err != nil {
				return fmt.Errorf("export: %w", got.err)
			}
			if err := out.Write(got.rows, got.n); err != nil {
				return err
			}
			select {
			case p.free <- got.rows[:0]:
			default:
			}
		case <-ctx.Done():
			return fmt.Errorf("export: %w", ctx.Err())
		}
	}
}

// read reads parts on a connection until there are no more, or ctx is done.
func (p *parts) read(ctx context.Context, conn *sqlx.Conn) {
	err := conn.Raw(func(c any) error {
		r, err := newExportReader(c, p.status, p.times, p.recent)
		if err != nil {
			return err
		}
		defer r.close()
		for {
			turn, from, n, err := p.take(ctx, r)
			if err != nil || turn == nil {
				return err
			}
			got := part{}
			got.rows, got.n, got.err = r.rows(ctx, p.memory(), from, n, p.row)
			turn <- got
		}
	})
	if err != nil {
		p.fail(ctx, err)
	}
}

func (p *parts) memory() []byte {
	select {
	case rows := <-p.free:
		return rows
	default:
		return nil
	}
}

// take returns where the next part goes, after which key it begins and how many rows it has at most; no turn when there
// is none.
func (p *parts) take(ctx context.Context, r *exportReader) (turn chan part, from []driver.NamedValue, n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken {
		return nil, nil, 0, nil
	}
	from, n = p.next, p.size
	next, err := r.end(ctx, from, n)
	if err != nil {
		return nil, nil, 0, err // and the next part stays to be taken, in vain, until the export has ended
	}
	p.next, p.size = next, partRows
	turn = make(chan part, 1)
	select {
	case p.ready <- turn:
	case <-ctx.Done():
		return nil, nil, 0, ctx.Err()
	}
	if p.next == nil {
		p.taken = true
		close(p.ready)
	}
	return turn, from, n, nil
}

// fail ends the export with an error.
func (p *parts) fail(ctx context.Context, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken {
		return
	}
	turn := make(chan part, 1)
	turn <- part{err: err}
	select {
	case p.ready <- turn:
	case <-ctx.Done():
	}
	p.taken = true
	close(p.ready)
}
