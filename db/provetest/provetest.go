// Package provetest tells tests whether their long forms are asked for.
package provetest

import "os"

// Asked tells whether KEYDESK_PROVE is 1, as make prove sets it: tests then try all that they can, and take hours.
func Asked() bool { return os.Getenv("KEYDESK_PROVE") == "1" }
