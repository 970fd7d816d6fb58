//go:build !linux

package db

import "time"

// clock returns the wall clock's time: Go's other one may stand still while the machine is suspended. Several instances
// are for Linux, where nobody can set the clock that is taken.
func clock() time.Duration { return time.Duration(time.Now().UnixNano()) }
