//go:build !unix

package db

// unwritable and onlyRead are false where the program knows no way to ask.
func unwritable(string) bool { return false }

func onlyRead(string) bool { return false }
