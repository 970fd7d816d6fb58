//go:build !unix

package pgtest

import "os/exec"

// runAs does nothing where nobody is root.
func runAs(*exec.Cmd, *owner) {}
