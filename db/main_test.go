package db_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/keydesk/keydesk/db/pgtest"
)

// No test leaves a goroutine behind, and so nothing that it tries does. fasthttp has one clock.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(pgtest.Tests{M: m}, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}
