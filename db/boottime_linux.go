package db

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock returns the time since some moment in the past, by a clock that nobody sets and that runs on while the machine is
// suspended. Go's own stands still then.
func clock() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(err) // every Linux that Go runs on has it
	}
	return time.Duration(t.Nano())
}
