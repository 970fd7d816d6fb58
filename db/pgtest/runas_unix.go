//go:build unix

package pgtest

import (
	"os/exec"
	"syscall"
)

// runAs has a program run as another user.
func runAs(c *exec.Cmd, who *owner) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: who.uid, Gid: who.gid}}
}
