package main

import (
	"fmt"
	"io"
	"log/slog"
)

// newLog returns the log: text for a terminal, JSON for everything else.
func newLog(w io.Writer, level string) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is not debug, info, warn or error", level)
	}
	options.Level = l
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, &options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, &options)), nil
}
