//go:build !linux

package db

// renameNew renames a file to a name that no other has, else its error is fs.ErrExist.
func renameNew(from, to string) error { return renameByLink(from, to) }
