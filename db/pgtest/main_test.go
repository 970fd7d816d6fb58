package pgtest

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind, and so nothing that it tries does.
func TestMain(m *testing.M) { goleak.VerifyTestMain(Tests{M: m}) }
