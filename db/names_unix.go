//go:build unix

package db

import (
	"io/fs"
	"syscall"
)

// names returns how many names (hard links) the file has.
func names(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // of another width on other systems
	}
	return 1
}
