package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/keydesk/keydesk/access"
)

// exportPatience is how long an export waits for its turn.
const exportPatience = 2 * time.Second

// Export is where the keys of an export go.
type Export struct {
	// Begin is called once it is sure that the export may be, before the first key.
	Begin func() error
	// Row appends the row of a key to a part of the export. It knows of the key what the report shows, its last use to the
	// second, and is called from several goroutines.
	Row func(part []byte, k access.Key) []byte
	// Write takes the parts in their order, each with how many rows it has. A part is its own only during the call.
	Write func(part []byte, rows int) error
}

// Export sends every key of the status (all when it is empty) to out, by User ID and creation, from one snapshot and in
// little memory. Writers do not wait for it, and SQLite's write-ahead log does not wait for who reads it. A person's export is written to the audit log before that. The operator's
// is not: it only reads, beside the process that writes.
func (db *DB) Export(ctx context.Context, actor access.Actor, status access.Status, out Export) error {
	if err := access.Check(actor, access.ExportKeys); err != nil {
		return err
	}
	if _, err := access.ParseStatus(string(status)); err != nil {
		return err
	}
	conns, done, err := db.exportConns(ctx)
	if err != nil {
		return err
	}
	defer done()
	if actor.UserID != access.Operator {
		err := db.change(ctx, actor, access.ExportKeys, func(context.Context, *tx) (access.Change, error) {
			return access.Change{Detail: string(status)}, nil
		})
		if err != nil {
			return err
		}
	}
	shot, err := db.takeSnapshot(ctx, conns)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer shot.end()
	if err := out.Begin(); err != nil {
		return err
	}
	if db.shared {
		return shot.exportByCursor(ctx, status, out)
	}
	read := func(ctx context.Context, out Export) error { return shot.export(ctx, status, out) }
	kept, err := newSpool(db.path)
	if err != nil { // nothing can be written there, so that no log grows either
		return read(ctx, out)
	}
	err = kept.through(ctx, shot, read, out)
	return errors.Join(err, kept.file.Close())
}

// exportConns returns the connections of an export and what gives them back, or refuses when enough exports are under
// way.
func (db *DB) exportConns(ctx context.Context) (conns []*sqlx.Conn, done func(), err error) {
	wait, cancel := context.WithTimeout(ctx, exportPatience)
	defer cancel()
	select {
	case db.exporting <- struct{}{}:
	case <-wait.Done():
		if err := ctx.Err(); err != nil {
			return nil, nil, fmt.Errorf("export: %w", err)
		}
		return nil, nil, &access.Error{Code: access.TooMany, Wait: time.Minute, Message: "Other exports are under way. Please try again in a minute."}
	}
	done = func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
		<-db.exporting
	}
	for range db.exportReaders {
		conn, err := db.exports.Connx(ctx)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("export: %w", err)
		}
		conns = append(conns, conn)
	}
	return conns, done, nil
}
