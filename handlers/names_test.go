package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
	"github.com/keydesk/keydesk/db"
	"github.com/keydesk/keydesk/db/provetest"
)

// AUTH-9: a million names that nobody has leave nothing in the memory of the program, and none of them in the database.
// Hashing a million passwords would take a day, so they come in two ways that leave out nothing else: as requests from
// addresses that have to wait, which is decided before the hash; and, each from a network of its own, as attempts whose
// password was looked at, which is all that comes after it.
func TestProveNamesTakeNoMemory(t *testing.T) {
	names, warm, most := 5_000, 1_000, memoryInUse{heap: 1 << 18, resident: 8 << 20}
	if provetest.Asked() {
		names, warm, most = 1_000_000, 50_000, memoryInUse{heap: 32 << 20, resident: 32 << 20}
	}
	name := func(n int) string { return fmt.Sprintf("name%050d", n) }
	d := newDesk(t)
	for range access.AddressFailures {
		_, err := d.db.SignIn(t.Context(), stranger("192.0.2.1"), db.Opening{})
		d.must(err)
	}
	for way, try := range map[string]func(n int){
		"requests that have to wait": func(n int) {
			form := login(name(n), "not "+password).Encode()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = "192.0.2.1:1234"
			w := httptest.NewRecorder()
			d.app.ServeHTTP(w, r)
			if w.Code != http.StatusTooManyRequests {
				t.Fatalf("answered %d: %s", w.Code, w.Body)
			}
		},
		"attempts that were looked at": func(n int) {
			if _, _, err := d.db.Credentials(t.Context(), name(n)); err != nil {
				t.Fatal(err)
			}
			outcome, err := d.db.SignIn(t.Context(), stranger(fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)), db.Opening{})
			if err != nil || outcome != access.UserUnknown {
				t.Fatalf("%s, %v", outcome, err)
			}
		},
	} {
		tries := func(from, to int) {
			for n := from; n < to; n++ {
				if try(n); n%1000 == 0 {
					d.log.empty() // this test's own memory
				}
			}
			d.log.empty()
		}
		tries(names, names+warm)
		before := memory(t)
		tries(0, names)
		after := memory(t)
		grown := memoryInUse{after.heap - before.heap, after.resident - before.resident}
		t.Logf("%s: the heap grew by %.2f MiB and the process by %.2f MiB, to %.0f MiB", way, mib(grown.heap), mib(grown.resident), mib(after.resident))
		if grown.heap > most.heap || grown.resident > most.resident {
			t.Errorf("which is more than %.2f or %.0f MiB", mib(most.heap), mib(most.resident))
		}
	}
	if n := value[int](d, `SELECT count(*) FROM sign_ins WHERE user_id <> '(unknown)'`); n > 0 {
		t.Errorf("%d names are kept", n)
	}
}

func stranger(address string) access.Attempt {
	return access.Attempt{SignIn: access.SignIn{UserID: access.UnknownUser, Address: address, UserAgent: "curl/8", Outcome: access.UserUnknown}}
}

// memoryInUse is how many bytes are in use: of the heap, and of the process with what SQLite takes beside it.
type memoryInUse struct{ heap, resident int64 }

func memory(t *testing.T) (m memoryInUse) {
	t.Helper()
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what lay in pools is free by the second time only
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	state, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("there is no /proc here")
	}
	_, rest, _ := strings.Cut(string(state), "VmRSS:")
	if _, err := fmt.Sscanf(rest, "%d", &m.resident); err != nil {
		t.Fatal(err)
	}
	return memoryInUse{int64(stats.HeapAlloc), m.resident << 10}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
