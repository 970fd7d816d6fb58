package pgtest

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind, and so nothing that it tries does, but for the server that all tests share.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/keydesk/keydesk/db/pgtest.(*Server).start.func1"),
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"))
}
