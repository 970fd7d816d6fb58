//go:build unix

package db

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// onlyRead tells whether the system lets this process read the file only. It asks without opening it, which would end
// SQLite's locks when it is closed again.
func onlyRead(path string) bool {
	err := unix.Access(path, unix.W_OK)
	return errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
}
