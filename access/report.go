package access

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// Report writes the key report as CSV (RFC 4180: CRLF, quotes where needed), one row a key, without e-mail, hash or
// key. Nothing is buffered beyond a few KiB until Flush.
type Report struct {
	csv *csv.Writer
	now time.Time
}

// NewReport writes the header to w and returns the report; ages count up to now.
func NewReport(w io.Writer, now time.Time) (*Report, error) {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	err := out.Write([]string{"User ID", "Masked Key", "Key Status", "Key Age (days)", "Last Used"})
	return &Report{out, now}, err
}

// Add writes the row of a key.
func (r *Report) Add(k Key) error {
	used := ""
	if !k.LastUsedAt.IsZero() {
		used = k.LastUsedAt.UTC().Format(time.RFC3339)
	}
	return r.csv.Write([]string{
		defuse(k.UserID), defuse(k.Masked()), string(k.Status()), strconv.Itoa(k.AgeDays(r.now)), used,
	})
}

// Flush writes what is buffered and returns the first error of any write.
func (r *Report) Flush() error {
	r.csv.Flush()
	return r.csv.Error()
}

// ReportName returns the file name of a report made now: its date is in UTC.
func ReportName(now time.Time) string {
	return "account-api-keys-" + now.UTC().Format(time.DateOnly) + ".csv"
}

// defuse puts ' before a text that a spreadsheet could take for a formula (OWASP, CSV Injection; full-width forms as
// Excel reads them in East Asian locales).
func defuse(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
