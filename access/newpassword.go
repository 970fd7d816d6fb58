package access

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
	"golang.org/x/text/unicode/norm"
)

const (
	minPasswordLen = 15  // code points; NIST SP 800-63B-4, 3.1.1.2, where the password is the only factor
	minSecondLen   = 8   // code points; likewise, where a passkey comes after it
	maxPasswordLen = 128 // code points

	// guessableBits is the entropy below which a password is made of what is guessed first: entries of lists of common
	// passwords, words and names, of what is known of its owner, and of simple patterns.
	guessableBits = 24
)

// ShortPassword tells whether a password from ParseSecondPassword is too short to stand alone.
func ShortPassword(password string) bool { return utf8.RuneCountInString(password) < minPasswordLen }

// ParseSecondPassword does as ParsePassword for an account with a passkey, where a shorter password is enough.
func ParseSecondPassword(s string, about ...string) (string, error) {
	return parsePassword(s, minSecondLen, "A password needs at least 8 characters beside a passkey.", about)
}

// ParsePassword returns s as it is hashed, Unicode-normalised (NFC), or a refusal that says what a password needs.
// about is what an attacker knows of its owner, such as the User ID and the name.
func ParsePassword(s string, about ...string) (string, error) {
	return parsePassword(s, minPasswordLen, "A password needs at least 15 characters; several words are a good one.", about)
}

func parsePassword(s string, least int, tooShort string, about []string) (string, error) {
	if !utf8.ValidString(s) {
		return "", Refuse(Invalid, "password", "The password is not valid UTF-8.")
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", Refuse(Invalid, "password", "A password is one line, without control characters: no sign-in page could take it.")
	}
	s = NormalPassword(s)
	switch n := utf8.RuneCountInString(s); {
	case n < least:
		return "", Refuse(Invalid, "password", tooShort)
	case n > maxPasswordLen:
		return "", Refuse(Invalid, "password", "A password has at most 128 characters.")
	}
	if why := guessable(s, about); why != "" {
		return "", Refuse(Invalid, "password", "This password is easy to guess: "+why+". Please choose another; several words "+
			"that only you would put together are a good one.")
	}
	return s, nil
}

// NormalPassword returns the one form of a password in which it is hashed and compared.
func NormalPassword(s string) string { return norm.NFC.String(s) }

// guessable says why a password is easy to guess, or nothing if it is not. It is held as a whole against lists of tens
// of thousands of entries (NIST SP 800-63B-4, 3.1.1.2; ASVS 6.2.4, 6.2.11). A word that is said again adds nothing, nor
// does what stands between words, nor a usual sign in a letter's place: of these each stands for one letter, because
// trying all that it could stand for takes seconds for a password that is made for it.
func guessable(s string, about []string) string {
	known := knownWords(about)
	found := zxcvbn.PasswordStrength(s, known, matching.FilterL33tMatcher)
	once := strings.Join(distinct(words(s)), "")
	plain := strings.Join(distinct(words(plainLetters(s))), "")
	for _, form := range []string{period(once), period(plain)} {
		if form == "" || form == s {
			continue
		}
		if short := zxcvbn.PasswordStrength(form, known, matching.FilterL33tMatcher); short.Entropy < found.Entropy {
			found = short
		}
	}
	if found.Entropy >= guessableBits {
		return ""
	}
	why := "it follows a simple pattern"
	for _, part := range found.MatchSequence {
		switch {
		case slices.Contains(keyboardWalks(), strings.ToLower(part.Token)):
			return "it is a walk over the keyboard"
		case part.DictionaryName == "user_inputs":
			return "it is made of your name, your User ID or the name of this desk"
		case part.Pattern == "dictionary" && !oneLetter(part):
			why = "it is made of words that are among the most common in passwords"
		}
	}
	return why
}

func oneLetter(part match.Match) bool { return utf8.RuneCountInString(part.Token) < 2 }

// knownWords returns the words that an attacker would try first against this desk and this person.
func knownWords(about []string) []string {
	known := append(keyboardWalks(), "keydesk", "apikey", "apikeys")
	for _, text := range about {
		known = append(append(known, strings.ToLower(text)), words(text)...)
	}
	return known
}

// words returns the words of a text, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// keyboardWalks returns those that are common in passwords and go down the columns of a keyboard.
func keyboardWalks() []string {
	return strings.Fields("1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm qaz wsx edc rfv tgb zaq1 xsw2 cde3 vfr4 bgt5 zaq xsw cde vfr " +
		"1q2w3e4r 1q2w3e 1q2w 3e4r 5t6y 7u8i 9o0p q1w2e3r4 q1w2 e3r4 zaq12wsx 12wsx zxcde34rfv cde34rfv 34rfv")
}

// plainLetters returns the text with the usual signs that stand for letters replaced, where a letter follows.
func plainLetters(s string) string {
	const signs, letters = "@401!3$57", "aaoiiesst"
	plain := []byte(s)
	for i := range len(plain) - 1 {
		if at := strings.IndexByte(signs, plain[i]); at >= 0 && unicode.IsLetter(rune(plain[i+1])) {
			plain[i] = letters[at]
		}
	}
	return string(plain)
}

// period returns the part of which the text is a repetition, or the text itself.
func period(s string) string {
	if s == "" {
		return ""
	}
	return s[:1+strings.Index((s + s)[1:], s)]
}

// distinct returns the words in their order, each once.
func distinct(words []string) (once []string) {
	for _, word := range words {
		if !slices.Contains(once, word) {
			once = append(once, word)
		}
	}
	return once
}
