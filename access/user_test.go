package access_test

import (
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// AUTH-8, AUTH-14, IO-2: a User ID has one spelling, in ASCII and lower case, and is nobody's e-mail address.
func TestUserIDs(t *testing.T) {
	long := "a" + strings.Repeat("b", 62)
	for _, s := range []string{"a", "alice", "alice.b_c-d", "a0", "a.", "a-", "a__", long} {
		if got, err := access.ParseUserID(s); err != nil || got != s {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "A", "Alice", "alicE", "1a", ".a", "_a", "-a", " alice", "alice ", "a b", "a@b", "alice@example.com", "a/b",
		"a,b", "a\x00", "a\n", "álice", "аlice", "alice\u200b", "a\xff", long + "b", access.Operator, access.UnknownUser,
		"=1+1", "a'--", "new", "export.csv", // pages of Manage Users
	} {
		got, err := access.ParseUserID(s)
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "user_id" || got != "" {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
}

func TestRoles(t *testing.T) {
	for s, want := range map[string]access.Role{"user": access.User, "admin": access.Admin} {
		if got, err := access.ParseRole(s); err != nil || got != want {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "Admin", "ADMIN", "admin ", "administrator", "operator", access.Operator, "root", "user,admin"} {
		got, err := access.ParseRole(s)
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "role" || got != "" {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
}

// AUTH-8, AUTH-14: an address has one spelling, and is nobody's User ID.
func TestEmailAddresses(t *testing.T) {
	longest := strings.Repeat("a", 64) + "@" + strings.Repeat("b", 254-65-len(".example")) + ".example"
	for s, want := range map[string]string{
		"":                           "",
		"alice@example.com":          "alice@example.com",
		"Alice.B+keys@EXAMPLE.com":   "alice.b+keys@example.com", // one spelling in the database, so that it is unique
		"o'brien@sub.example.museum": "o'brien@sub.example.museum",
		longest:                      longest,
	} {
		if got, err := access.ParseEmail(s); err != nil || got != want {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"alice", "@example.com", "alice@", "alice@@example.com", "alice example.com", " alice@example.com",
		"alice@example.com ", "alice@example.com\n", "alice@example.com\r\nBcc: bob@example.com", "a\x00@example.com",
		"a\x1b@example.com", "a\xff@example.com", "<alice@example.com>", "Alice <alice@example.com>",
		"alice@example.com, bob@example.com", "alice(hi)@example.com", `"a b"@example.com`, longest + "x",
	} {
		got, err := access.ParseEmail(s)
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "email" || got != "" {
			t.Errorf("%q parses as %q, %v", s, got, err)
		}
	}
}

// AUTH-2, AUTH-3, AUTH-4: length counts, and what is guessed first is refused; nothing else does.
func TestPasswords(t *testing.T) {
	for name, row := range map[string]struct{ typed, want string }{
		"15 characters":        {"grey owls at 5p", "grey owls at 5p"},
		"128 characters":       {strings.Repeat("grey owls at 5pm", 8), strings.Repeat("grey owls at 5pm", 8)},
		"15 of four bytes":     {strings.Repeat("😀", 15), strings.Repeat("😀", 15)},
		"128 of four bytes":    {strings.Repeat("😀", 128), strings.Repeat("😀", 128)},
		"spaces are kept":      {"  grey owls at noon  ", "  grey owls at noon  "},
		"no composition rules": {"owls sleep until noon", "owls sleep until noon"},
		"128 once composed":    {strings.Repeat("gre\u0301y owls at 5 p", 8), strings.Repeat("gréy owls at 5 p", 8)},
	} {
		if got, err := access.ParsePassword(row.typed, "alice", "Alice Liddell"); err != nil || got != row.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for name, typed := range map[string]string{
		"empty":                    "",
		"14 characters":            "abcdefghijklmn",
		"14 of four bytes":         strings.Repeat("😀", 14),
		"14 once composed":         strings.Repeat("e\u0301", 14),
		"129 characters":           strings.Repeat("x", 129),
		"129 of four bytes":        strings.Repeat("😀", 129),
		"15 characters, not UTF-8": "abcdefghijklmn\xff",
		"two lines":                "two lines of words\nare no password",
		"common, twice":            "passwordpassword",
		"common, in capitals":      "PASSWORDpassword1",
		"common, with digits":      "administrator123",
		"one letter":               strings.Repeat("x", 15),
		"a sequence":               "abcdefghijklmnop",
		"a keyboard's row":         "qwertyuiopqwertyuiop",
		"a word, four times":       "hello hello hello hello",
		"numbers in a row":         "1234 5678 9012 3456",
		"a word and a year, twice": "Summer2025Summer2025",
		"signs for letters":        "P@ssw0rd12345678",
		"signs for letters, twice": "P@ssw0rdP@ssw0rd",
		"a walk down the keyboard": "1qaz2wsx3edc4rfv",
		"another walk":             "zaq12wsxcde34rfv",
		"a zigzag":                 "1q2w3e4r5t6y7u8i",
		"the product":              "keydesk-keydesk-1",
		"the product, disguised":   "K3ydesk2026!!!!!",
		"the User ID":              "alice-alice-alice",
		"the User ID, four times":  "Alice alice alice alice",
		"the name":                 "AliceLiddell1865",
		"the e-mail address":       "alice@example.com",
	} {
		got, err := access.ParsePassword(typed, "alice", "Alice Liddell", "alice@example.com")
		if refusal := access.Refused(err, access.Invalid); refusal == nil || refusal.Field != "password" || got != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		if err != nil && typed != "" && strings.Contains(err.Error(), typed) {
			t.Errorf("%s: the refusal quotes the password: %v", name, err)
		}
	}
}

func TestDisabledPersonIsNotEnabled(t *testing.T) {
	if !(access.Person{}).Enabled() || (access.Person{DisabledAt: noon()}).Enabled() {
		t.Error("a person is enabled until disabled, and not after")
	}
}
