package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns both ends of a new terminal.
func terminal(t *testing.T) (screen, end *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if end, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return screen, end
}

func TestExportShowsProgressOnATerminalOnly(t *testing.T) {
	file := madeUp(t, "--users=3", "--keys=1000")
	var quiet, report, watched bytes.Buffer
	if code := run(context.Background(), []string{"export", "--database=" + file}, stdio{nil, &report, &quiet}); code != 0 || quiet.Len() > 0 {
		t.Errorf("without a terminal: %d, %q", code, quiet.String())
	}
	screen, end := terminal(t)
	code := run(context.Background(), []string{"export", "--database=" + file}, stdio{nil, &watched, end})
	if err := end.Close(); err != nil {
		t.Error(err)
	}
	seen, _ := io.ReadAll(screen) // ends with an error when the other end is closed
	if code != 0 || !strings.Contains(string(seen), "\r["+strings.Repeat("#", 40)+"] 100% of 1000 keys\r\n") {
		t.Errorf("on a terminal: %d, %q", code, seen)
	}
	if watched.String() != report.String() || strings.Count(report.String(), "\r\n") != 1001 {
		t.Errorf("%d lines, and %d on a terminal", strings.Count(report.String(), "\r\n"), strings.Count(watched.String(), "\r\n"))
	}
	screen, end = terminal(t)
	looked := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(screen)
		looked <- string(all)
	}()
	code = run(context.Background(), []string{"export", "--database=" + file}, stdio{nil, end, end})
	if err := end.Close(); err != nil {
		t.Error(err)
	}
	if drawn := <-looked; code != 0 || strings.Contains(drawn, "#") || !strings.HasPrefix(drawn, "User ID,") {
		t.Errorf("the report on a terminal: %d, %q", code, drawn)
	}
}
