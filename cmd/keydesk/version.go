package main

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

// Run prints the version, the revision it was built from if that is known, and the Go release.
func (versionCmd) Run(std stdio) error {
	version, goVersion, revision := moduleVersion(), "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	_, err := fmt.Fprintf(std.out, "keydesk %s%s %s\n", version, revision, goVersion)
	return err
}

// moduleVersion returns the version that the program was built as.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "(unknown)"
}
