package access

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ReportHeader is the first line of the key report.
const ReportHeader = "User ID,Masked Key,Key Status,Key Age (days),Last Used\r\n"

// Report makes the rows of the key report as CSV (RFC 4180: CRLF, quotes where needed, as encoding/csv sets them), one
// row a key, without e-mail, hash or key.
type Report struct{ now time.Time }

// NewReport returns the report; ages count up to now.
func NewReport(now time.Time) Report { return Report{now} }

// Append appends the row of a key to out. It may be called from several goroutines.
func (r Report) Append(out []byte, k Key) []byte {
	out = append(appendCell(out, k.UserID), ',')
	out = append(appendMasked(out, k), ',')
	out = append(append(out, k.Status()...), ',')
	out = append(strconv.AppendInt(out, int64(k.AgeDays(r.now)), 10), ',')
	if !k.LastUsedAt.IsZero() {
		out = k.LastUsedAt.UTC().AppendFormat(out, time.RFC3339)
	}
	return append(out, '\r', '\n')
}

// ReportName returns the file name of a report made now: its date is in UTC.
func ReportName(now time.Time) string {
	return "account-api-keys-" + now.UTC().Format(time.DateOnly) + ".csv"
}

func appendMasked(out []byte, k Key) []byte {
	if plain(k.Last4) { // so that the masked key itself need not be made
		return append(append(out, Mask("")...), k.Last4...)
	}
	return appendCell(out, k.Masked())
}

// appendCell appends a text: defused, and in quotes where it needs them.
func appendCell(out []byte, cell string) []byte {
	if plain(cell) {
		return append(out, cell...)
	}
	cell = defuse(cell)
	first, _ := utf8.DecodeRuneInString(cell)
	if cell != `\.` && !strings.ContainsAny(cell, ",\"\r\n") && !unicode.IsSpace(first) {
		return append(out, cell...)
	}
	cell = strings.NewReplacer(`"`, `""`, "\r", "", "\n", "\r\n").Replace(cell)
	return append(append(append(out, '"'), cell...), '"')
}

// plain tells whether a cell stands as it is: nearly all do, and a report has millions.
func plain(cell string) bool {
	for i := range len(cell) {
		b := cell[i]
		if !isLower(b) && !isDigit(b) && (b < 'A' || b > 'Z') && b != '*' && (i == 0 || b != '.' && b != '-') && b != '_' {
			return false
		}
	}
	return true
}

// defuse puts ' before a text that a spreadsheet could take for a formula (OWASP, CSV Injection; full-width forms as
// Excel reads them in East Asian locales).
func defuse(cell string) string {
	first, size := utf8.DecodeRuneInString(cell)
	if size > 0 && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", first) {
		return "'" + cell
	}
	return cell
}
