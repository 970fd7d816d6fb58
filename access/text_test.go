package access_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keydesk/keydesk/access"
)

// IO-1
func TestNames(t *testing.T) {
	for s, want := range map[string]string{
		"":                                   "",
		"   ":                                "",
		"CI":                                 "CI",
		"  build server\t\n":                 "build server",
		"re\u0301sume\u0301":                 "résumé",
		"שלום":                               "שלום", // letters that run right to left are no control characters
		"日本語":                                "日本語",
		"❤️ 1️⃣":                             "❤️ 1️⃣", // with what makes them colourful
		"=1+1 <b>\"'&":                       "=1+1 <b>\"'&",
		strings.Repeat("x", 64):              strings.Repeat("x", 64),
		strings.Repeat("😀", 64):              strings.Repeat("😀", 64), // 256 bytes
		strings.Repeat("e\u0301", 64) + "  ": strings.Repeat("é", 64),
	} {
		if got, err := access.ParseName(s); err != nil || got != want {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{strings.Repeat("x", 65), strings.Repeat("é", 65), "a\xff", "\xc3", "\xed\xa0\x80", "\xc0\xaf"} {
		got, err := access.ParseName(s)
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "name" || got != "" {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
}

// refusedRunes are the characters of IO-1, by the word that the sentence must say.
func refusedRunes() map[string][]rune {
	return map[string][]rune{
		"control":   {0x00, 0x01, 0x07, '\t', '\n', '\r', 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F},
		"direction": {0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0x200E, 0x200F, 0x061C},
		"invisible": {
			0x200B, 0x200C, 0x200D, 0x2060, 0x2063, 0x206F, 0xFEFF, 0x00AD, 0x180E, 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800,
			0xFFF9, 0xFFFB, 0xFFFC, 0x180B, 0x17B4, 0x1BCA0, 0x1D173, 0xE0001, 0xE0FFF, 0xFE00, 0xFE0F, 0xE0041, 0xE007F, 0xE0100, 0xE01EF,
		},
		"separator":    {0x2028, 0x2029},
		"noncharacter": {0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x1FFFF, 0x10FFFE, 0x10FFFF},
	}
}

// IO-1: the sentence names the character, which the reader cannot see.
func TestHiddenCharactersAreRefusedByName(t *testing.T) {
	for kind, runes := range refusedRunes() {
		for _, r := range runes {
			text := "a" + string(r) + "b"
			for field, parse := range map[string]func(string) (string, error){
				"name": access.ParseName, "reason": access.ParseReason, "email": access.ParseEmail,
			} {
				got, err := parse(text)
				refusal := access.Refused(err, access.Invalid)
				if refusal == nil || refusal.Field != field || got != "" {
					t.Errorf("%s with U+%04X parses as %q, %v", field, r, got, err)
					continue
				}
				if !strings.Contains(refusal.Message, kind) || !strings.Contains(refusal.Message, fmt.Sprintf("U+%04X", r)) {
					t.Errorf("U+%04X is refused without its name: %s", r, refusal.Message)
				}
				if strings.ContainsRune(refusal.Message, r) {
					t.Errorf("the refusal of U+%04X quotes it", r)
				}
			}
		}
	}
}

func TestNeighboursOfHiddenCharactersAreAccepted(t *testing.T) {
	for _, r := range []rune{' ', '~', 0xA0, 0x061B, 0x200A, 0x2010, 0x202F, 0x2070, 0xFDCF, 0xFDF0, 0xFFFD, 0x10000, 0x0600} {
		text := "a" + string(r) + "b"
		if got, err := access.ParseName(text); err != nil || got != text {
			t.Errorf("U+%04X: got %q, %v", r, got, err)
		}
	}
}

func TestReasons(t *testing.T) {
	for _, row := range []struct{ typed, want string }{
		{" left the company ", "left the company"},
		{"e\u0301te\u0301", "été"},
		{strings.Repeat("é", 300), strings.Repeat("é", 300)},
	} {
		if got, err := access.ParseReason(row.typed); err != nil || got != row.want {
			t.Errorf("%q parses as %q, %v", row.typed, got, err)
		}
	}
	for _, s := range []string{"", "  ", "\t\r\n", strings.Repeat("é", 301), "a\xff"} {
		got, err := access.ParseReason(s)
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "reason" || got != "" {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
}

// AUD-8
func TestPrintableReplacesWhatDoesNotPrint(t *testing.T) {
	for _, row := range []struct {
		in   string
		n    int
		want string
	}{
		{"", 10, ""},
		{"curl/8.5.0", 100, "curl/8.5.0"},
		{"curl/8.5.0", 4, "curl"},
		{"curl", 0, ""},
		{"😀😀😀", 2, "😀😀"},
		{"a\r\nb\x1b[31m", 100, "a��b�[31m"},
		{"a\xff\xfeb", 100, "a�b"},
		{"\u202ecba\u200b", 100, "�cba�"},
	} {
		if got := access.Printable(row.in, row.n); got != row.want {
			t.Errorf("%q within %d is %q, want %q", row.in, row.n, got, row.want)
		}
	}
	for _, runes := range refusedRunes() {
		for _, r := range runes {
			if got := access.Printable("a"+string(r)+"b", 3); got != "a�b" {
				t.Errorf("U+%04X prints as %q", r, got)
			}
		}
	}
}

// REV-4: a key pasted into a field, or sent as a browser's name, is not kept in clear.
func TestKeyInATextIsNotKept(t *testing.T) {
	full, longer := access.NewSecret("kd_"), access.NewSecret("acme2prod99_")
	for _, row := range []struct{ text, shown string }{
		{full.Reveal(), full.Masked()},
		{longer.Reveal(), longer.Masked()},
		{"key=" + full.Reveal() + ";", "key=" + full.Masked() + ";"},
		{"x" + full.Reveal() + "x", "x" + full.Masked() + "x"},
		{"my_" + full.Reveal(), "my_" + full.Masked()},
		{"kd_" + full.Reveal(), "kd_" + full.Masked()},
		{full.Reveal() + longer.Reveal(), full.Masked() + longer.Masked()},
		{"né " + full.Reveal() + " é", "né " + full.Masked() + " é"},
	} {
		if got := access.Printable(row.text, 500); got != row.shown {
			t.Errorf("%q prints as %q, want %q", row.text, got, row.shown)
		}
		for field, parse := range map[string]func(string) (string, error){
			"name": access.ParseName, "reason": access.ParseReason,
		} {
			got, err := parse(row.text)
			refusal := access.Refused(err, access.Invalid)
			if refusal == nil || refusal.Field != field || got != "" || strings.Contains(refusal.Message, full.Reveal()[:8]) {
				t.Errorf("%s %q parses as %q, %v", field, row.text, got, err)
			}
		}
	}
	// Cutting comes after masking, so that no part of a key is left at the end.
	if got := access.Printable(full.Reveal(), 20); got != full.Masked() {
		t.Errorf("cut, it prints as %q", got)
	}
	wrong := full.Reveal()[:40] + "!"
	if got := access.Printable(wrong, 500); got != wrong {
		t.Errorf("what is no key prints as %q", got)
	}
}

func TestFold(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Alice": "alice", "ÉLODIE": "élodie", "E\u0301lodie": "élodie", "50% Off_": "50% off_", "a b": "a b",
	} {
		for _, typed := range []string{s, "  " + s + "\t", strings.ToUpper(s)} {
			if got := access.Fold(typed); got != want {
				t.Errorf("%q folds to %q, want %q", typed, got, want)
			}
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"", " CI ", "e\u0301", "a\u202eb", "a\xffb", strings.Repeat("😀", 65), "\u0344", "\u1e9b\u0323"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := access.ParseName(s)
		if err != nil {
			return
		}
		if utf8.RuneCountInString(name) > 64 || len(name) > 256 || access.Printable(name, 64) != name {
			t.Fatalf("%q parses as %q", s, name)
		}
		if again, err := access.ParseName(name); err != nil || again != name {
			t.Fatalf("%q parses as %q, and that as %q, %v", s, name, again, err)
		}
	})
}
