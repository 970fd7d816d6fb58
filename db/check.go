package db

import (
	"context"
	"encoding/binary"
	"errors"
	"os"

	"github.com/jmoiron/sqlx"
)

// mostChecked is up to how many bytes a database is checked page by page before it is used. A larger one would keep
// people waiting at every start: with a million keys for many seconds.
const mostChecked = 64 << 20

// checkPages returns ErrDamaged if pages of the database are damaged or, of a large one, if its end is missing.
func checkPages(ctx context.Context, read *sqlx.DB, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > mostChecked {
		return checkLength(path, info.Size())
	}
	var verdict string
	if err := read.GetContext(ctx, &verdict, `PRAGMA quick_check(1)`); err != nil {
		return err
	}
	if verdict != "ok" {
		return ErrDamaged
	}
	return nil
}

// checkLength returns ErrDamaged if the file is shorter than its header says (SQLite's file format, 1.3). What is missing
// can be in the write-ahead log, if there is one.
func checkLength(path string, size int64) (err error) {
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var header [32]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return err
	}
	page, pages := int64(binary.BigEndian.Uint16(header[16:])), int64(binary.BigEndian.Uint32(header[28:]))
	if page == 1 {
		page = 65536
	}
	if size < page*pages {
		return ErrDamaged
	}
	return nil
}
