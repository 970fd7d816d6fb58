//go:build !unix

package main

import "io/fs"

// ownerOf knows of nobody where files have no user id.
func ownerOf(fs.FileInfo) (uid int, known bool) { return 0, false }
