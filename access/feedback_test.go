package access_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// IO-1: a text of several lines keeps its lines and nothing hidden.
func TestFeedbackTexts(t *testing.T) {
	for _, row := range []struct{ typed, want string }{
		{"", ""},
		{" \r\n\t ", ""},
		{"Clear.", "Clear."},
		{" one \r\n two\rthree\n", "one\ntwo\nthree"},
		{"a\n\nb", "a\n\nb"},
		{"a\n \n\n\t\n\nb\nb", "a\n\nb\nb"},
		{"a\tb", "a b"},
		{"cafe\u0301", "café"},
		{strings.Repeat("é", 1000), strings.Repeat("é", 1000)},
		{strings.Repeat("x\r\n", 500), strings.TrimSpace(strings.Repeat("x\n", 500))},
	} {
		if got, err := access.ParseFeedback(row.typed); err != nil || got != row.want {
			t.Errorf("%q parses as %q, %v, want %q", row.typed, got, err, row.want)
		}
	}
	for name, typed := range map[string]string{
		"1,001 characters": strings.Repeat("é", 1001),
		"not UTF-8":        "a\xff",
		"a control":        "one\ntwo\x1b[31m",
		"a direction":      "one\ntwo\u202e",
		"invisible":        "one\u200b",
		"a line separator": "one\u2028two",
		"an API key":       "mine is\n" + access.NewSecret("kd_").Reveal(),
	} {
		got, err := access.ParseFeedback(typed)
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "text" || got != "" {
			t.Errorf("%s: parses as %q, %v", name, got, err)
		}
	}
}
