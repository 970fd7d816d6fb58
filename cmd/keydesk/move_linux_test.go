package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"testing"

	"github.com/keydesk/keydesk/db/pgtest"
)

func TestMoveShowsProgressOnATerminal(t *testing.T) {
	file, to := madeUp(t, "--users=3", "--keys=1000"), pgtest.Database(t)
	screen, end := terminal(t)
	var said bytes.Buffer
	code := run(context.Background(), []string{"move", "--from=" + file, "--to=" + to}, stdio{nil, &said, end})
	if err := end.Close(); err != nil {
		t.Error(err)
	}
	seen, _ := io.ReadAll(screen) // ends with an error when the other end is closed
	if code != 0 || !regexp.MustCompile(`\r\[#{20}\.{20}\]  50% of (\d{4}) rows.*\r\[#{40}\] 100% of (\d{4}) rows\r\n$`).Match(seen) {
		t.Errorf("%d, %q", code, seen)
	}
}
