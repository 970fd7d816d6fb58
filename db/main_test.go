package db_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind, and so nothing that it tries does. The server of PostgreSQL is for all tests, and fasthttp
// has one clock.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/keydesk/keydesk/db/pgtest.(*Server).start.func1"),
		goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"),
		goleak.IgnoreAnyFunction("os/exec.(*Cmd).Start.func2"))
}
