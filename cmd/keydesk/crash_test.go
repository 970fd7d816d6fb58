package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/keydesk/keydesk/db/pgtest"
)

// asProgram makes the test binary behave as the program, so that a test can kill it.
const asProgram = "KEYDESK_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		weaken()
		main()
		return
	}
	// No test leaves a goroutine behind, and so nothing that it tries does. fasthttp has one clock for the whole process, and in
	// each server one goroutine that sees only every 2 seconds that the server is gone. The clients that the tests share keep
	// connections.
	goleak.VerifyTestMain(closing{pgtest.Tests{M: m}}, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// closing runs the tests, and closes the connections that their clients keep.
type closing struct{ pgtest.Tests }

func (c closing) Run() int {
	defer http.DefaultClient.CloseIdleConnections()
	return c.Tests.Run()
}

// startProcess starts the program as a process of its own on the database in dir.
func startProcess(t *testing.T, dir string, env ...string) (*desk, *exec.Cmd) {
	t.Helper()
	return startCommand(t, dir, exec.Command(os.Args[0], serveIn(dir)...), env...)
}

// serveIn returns the arguments that serve the database in dir.
func serveIn(dir string) []string {
	return []string{"serve", "--addr=127.0.0.1:0", "--database=" + filepath.Join(dir, "keydesk.db"), "--log-level=error"}
}

// startCommand starts a command that becomes the program.
func startCommand(t *testing.T, dir string, p *exec.Cmd, env ...string) (*desk, *exec.Cmd) {
	t.Helper()
	p.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	d := &desk{t: t, dir: dir, log: &buffer{}}
	p.Stderr = d.log
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, d.log)
	}
	d.url = readyPattern.FindStringSubmatch(line)[1]
	return d, p
}

// newDeskFolder returns a folder with a database of alice, bob and root.
func newDeskFolder(t *testing.T) string {
	t.Helper()
	d := newDesk(t)
	if code := d.stop(); code != 0 {
		t.Fatal(code)
	}
	return d.dir
}
