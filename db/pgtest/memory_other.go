//go:build !linux

package pgtest

import "os"

// tempDir returns a folder for what is not kept.
func tempDir() string { return os.TempDir() }
