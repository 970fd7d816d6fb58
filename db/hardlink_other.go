//go:build !unix

package db

import "io/fs"

// hardLinked is false: hard links are not looked for here.
func hardLinked(fs.FileInfo) bool { return false }
