package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// harden keeps the process's memory to itself: no core dump holds it, and no other process of the same user reads it or
// the environment that it was started with.
func harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("switch core dumps off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("switch core dumps off: %w", err)
	}
	return nil
}
