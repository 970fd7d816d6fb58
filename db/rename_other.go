//go:build !linux

package db

// RenameNew renames a file to a name that no other has, else its error is fs.ErrExist.
func RenameNew(from, to string) error { return renameByLink(from, to) }
