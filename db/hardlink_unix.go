//go:build unix

package db

import (
	"io/fs"
	"syscall"
)

// hardLinked tells whether the file has more than one name.
func hardLinked(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
