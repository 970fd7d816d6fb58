package access_test

import (
	"errors"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/keydesk/keydesk/access"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Keys whose checksums another program computed (Python's zlib.crc32); two of them are padded with zeros.
const (
	knownKey  = "kd_Ky9Pf34qY6Nb3wWD25RQ4F5ZR3qa7yEe0dQWsy"
	longKey   = "acme2prod99_eby3abP3E2Zs8IQ9Y7aJZqhB6baeCN6Z2e8ft1"
	paddedKey = "kd_v8CXpu3AJlXAhJw3bJOnzNziBHJvyUCd00QKMF"
	zerosKey  = "kd_LnZf6evW8prgxNMguvnitjursfgQhbtw000T9g"
)

// checked returns body with its checksum, so that a malformed key is wrong in one thing only. It shares no code with
// the package: math/big has the same digits with the cases swapped.
func checked(body string) string {
	digits := big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))).Text(62)
	swapped := strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, digits)
	return body + strings.Repeat("0", 6-len(swapped)) + swapped
}

// KEY-2
func TestNewKeyHasTheDocumentedForm(t *testing.T) {
	for _, prefix := range []string{access.DefaultPrefix, "ab_", "a1_", "acme2prod99_"} {
		form := regexp.MustCompile(`^` + prefix + `[0-9A-Za-z]{38}$`)
		for range 200 {
			full := access.NewSecret(prefix).Reveal()
			if !form.MatchString(full) || len(full) > 64 {
				t.Fatalf("%q does not have the form of a key with prefix %s", full, prefix)
			}
			if want := checked(full[:len(full)-6]); full != want {
				t.Fatalf("checksum of %q, want %q", full, want)
			}
		}
	}
}

// KEY-2
func TestKeyParsesAsItself(t *testing.T) {
	keys := []string{knownKey, longKey, paddedKey, zerosKey, checked("zz_" + strings.Repeat("0", 32))}
	for range 100 {
		keys = append(keys, access.NewSecret("kd_").Reveal())
	}
	for _, key := range keys {
		secret, err := access.ParseSecret(key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if secret.Reveal() != key || secret.Last4() != key[len(key)-4:] || secret.Masked() != "********"+key[len(key)-4:] {
			t.Errorf("%s parses as %s, last 4 %s, masked %s", key, secret.Reveal(), secret.Last4(), secret.Masked())
		}
	}
}

// KEY-3
func TestEverySingleCharacterChangeIsRefused(t *testing.T) {
	for _, key := range []string{knownKey, longKey, paddedKey} {
		for i := range len(key) {
			for _, c := range []byte(alphabet + "_- .=+/\x00\x7f\xff") {
				if c == key[i] {
					continue
				}
				changed := key[:i] + string([]byte{c}) + key[i+1:]
				if _, err := access.ParseSecret(changed); !errors.Is(err, access.ErrMalformed) {
					t.Errorf("%q differs from a key at %d: got %v", changed, i, err)
				}
			}
		}
	}
}

// KEY-3. Every row but those of whole keys has the right checksum: only what the row names is wrong.
func TestMalformedKeyIsRefused(t *testing.T) {
	random := strings.Repeat("Ab3", 10) + "Yz"
	if _, err := access.ParseSecret(checked("kd_" + random)); err != nil {
		t.Fatalf("the row that is right: %v", err)
	}
	for name, s := range map[string]string{
		"empty":                    "",
		"prefix alone":             "kd_",
		"no prefix":                checked(random),
		"one character short":      checked("kd_" + random[1:]),
		"one character long":       checked("kd_" + random + "x"),
		"twice":                    knownKey + knownKey,
		"upper-case prefix":        checked("KD_" + random),
		"mixed-case prefix":        checked("kD_" + random),
		"prefix begins with digit": checked("1d_" + random),
		"prefix of one letter":     checked("k_" + random),
		"prefix of 13":             checked("abcdefghijklm_" + random),
		"prefix with underscore":   checked("k_d_" + random),
		"prefix with hyphen":       checked("k-d_" + random),
		"prefix without end":       checked("kdd" + random),
		"prefix not ASCII":         checked("ké_" + random),
		"random part with space":   checked("kd_ " + random[1:]),
		"random part with hyphen":  checked("kd_-" + random[1:]),
		"random part with NUL":     checked("kd_\x00" + random[1:]),
		"random part not ASCII":    checked("kd_é" + random[2:]),
		"random part not UTF-8":    checked("kd_\xff" + random[1:]),
		"random part full width":   checked("kd_Ａ" + random[3:]),
		"space before":             " " + knownKey,
		"space after":              knownKey + " ",
		"newline after":            knownKey + "\n",
		"NUL after":                knownKey + "\x00",
		"byte order mark before":   "\ufeff" + knownKey,
		"quoted":                   `"` + knownKey + `"`,
		"upper case":               strings.ToUpper(knownKey),
		"masked":                   "********QWsy",
		"checksum without zeros":   strings.Replace(paddedKey, "d00QKMF", "dQKMF", 1),
	} {
		secret, err := access.ParseSecret(s)
		if !errors.Is(err, access.ErrMalformed) {
			t.Errorf("%s: %q: got %v", name, s, err)
		}
		if secret.Reveal() != "" {
			t.Errorf("%s: %q came back with its refusal", name, s)
		}
	}
}

// KEY-2
func TestPrefixes(t *testing.T) {
	good := []string{"kd_", "ab_", "k2_", "a00_", "abcdefghijkl_", "a23456789012_"}
	bad := []string{
		"", "_", "k_", "kd", "kd-", "KD_", "Kd_", "kD_", "1d_", "_kd_", "k_d_", "kd__", " kd_", "kd_ ", "k d_", "k.d_",
		"ké_", "кд_", "kd\x00_", "kd_\n", "abcdefghijklm_", "\xffd_",
	}
	for _, prefix := range good {
		if err := access.CheckPrefix(prefix); err != nil {
			t.Errorf("%q: %v", prefix, err)
		}
		if _, err := access.ParseSecret(access.NewSecret(prefix).Reveal()); err != nil {
			t.Errorf("a key with prefix %q: %v", prefix, err)
		}
	}
	for _, prefix := range bad {
		if access.CheckPrefix(prefix) == nil {
			t.Errorf("%q is taken for a prefix", prefix)
		}
	}
}

func TestNoKeyIsMadeWithABadPrefix(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a key was made with the prefix KD_")
		}
	}()
	access.NewSecret("KD_")
}

// KEY-5
func TestMaskShowsTheLastFourOnly(t *testing.T) {
	if got := access.Mask("QWsy"); got != "********QWsy" {
		t.Errorf("got %s", got)
	}
}

// SUP-6. What parses is spelled in exactly one way, and nothing panics.
func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{
		"", "kd_", knownKey, longKey, paddedKey, zerosKey, knownKey[1:], knownKey + "0", " " + knownKey,
		strings.ToLower(knownKey), checked("KD_" + strings.Repeat("0", 32)), checked("kd_" + strings.Repeat("é", 16)),
		strings.Repeat("_", 44), strings.Repeat("\xff", 41),
	} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^[a-z][a-z0-9]{1,11}_[0-9A-Za-z]{38}$`)
	f.Fuzz(func(t *testing.T, s string) {
		secret, err := access.ParseSecret(s)
		if err != nil {
			if !errors.Is(err, access.ErrMalformed) || secret.Reveal() != "" {
				t.Fatalf("%q: refused with %v", s, err)
			}
			return
		}
		if secret.Reveal() != s || !form.MatchString(s) || checked(s[:len(s)-6]) != s {
			t.Fatalf("%q parses as %q", s, secret.Reveal())
		}
	})
}
