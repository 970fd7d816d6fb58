package db

import (
	"os"

	"golang.org/x/sys/unix"
)

// RenameNew renames a file to a name that no other has, else its error is fs.ErrExist. No instant leaves it with two names
// where the file system can do so.
func RenameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.EPERM, unix.EOPNOTSUPP: // the file system, or a sandbox, knows no such renaming
		return renameByLink(from, to)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
