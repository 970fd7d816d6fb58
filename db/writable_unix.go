//go:build unix

package db

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// unwritable tells whether the system refuses this process every write to the file; onlyRead, whether that is because the
// file system is mounted to be read only. Both ask without opening the file, which would end SQLite's locks when it is
// closed again.
func unwritable(path string) bool {
	return onlyRead(path) || errors.Is(unix.Access(path, unix.W_OK), fs.ErrPermission)
}

func onlyRead(path string) bool { return errors.Is(unix.Access(path, unix.W_OK), unix.EROFS) }
