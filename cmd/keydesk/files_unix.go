//go:build unix

package main

import "golang.org/x/sys/unix"

// openFiles returns how many files the process may have open. Go has raised that to the hard limit.
func openFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what most systems allow at least
	}
	return uint64(limit.Cur) //nolint:unconvert // it is signed on some systems
}
