package access_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"
	"testing"

	"github.com/keydesk/keydesk/access"
)

// holder is what a careless caller might print whole.
type holder struct {
	Name string
	Key  access.Secret
	Also *access.Secret
	List []access.Secret
}

// KEY-5, REV-4
func TestKeyPrintsMaskedUnderEveryVerb(t *testing.T) {
	secret := access.NewSecret("kd_")
	for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %t %o %O %b %c %e %f %g %U %60s %.3s %-5v %+q %#x %08d") {
		if got := fmt.Sprintf(verb, secret); got != secret.Masked() {
			t.Errorf("%s prints %s, want %s", verb, got, secret.Masked())
		}
		if got := fmt.Sprintf(verb, &secret); got != secret.Masked() {
			t.Errorf("%s of a pointer prints %s, want %s", verb, got, secret.Masked())
		}
	}
}

// REV-4
func TestKeyIsMaskedWhereverItIsWritten(t *testing.T) {
	secret := access.NewSecret("kd_")
	held := holder{"ci", secret, &secret, []access.Secret{secret}}
	for name, write := range map[string]func(io.Writer) error{
		"fmt.Fprint":   func(w io.Writer) error { _, err := fmt.Fprint(w, secret); return err },
		"in a struct":  func(w io.Writer) error { _, err := fmt.Fprintf(w, "%v %+v %#v", held, held, held); return err },
		"in a pointer": func(w io.Writer) error { _, err := fmt.Fprintf(w, "%v %+v %#v", &held, &held, &held); return err },
		"in a map":     func(w io.Writer) error { _, err := fmt.Fprint(w, map[string]any{"key": secret}); return err },
		"in an error": func(w io.Writer) error {
			_, err := io.WriteString(w, fmt.Errorf("make %v", secret).Error())
			return err
		},
		"in a panic":    func(w io.Writer) error { _, err := fmt.Fprint(w, panicOf(secret)); return err },
		"in a log line": func(w io.Writer) error { log.New(w, "", 0).Print("made ", secret, &secret); return nil },
		"JSON":          func(w io.Writer) error { return json.NewEncoder(w).Encode(secret) },
		"JSON in a struct": func(w io.Writer) error {
			return json.NewEncoder(w).Encode(held)
		},
		"JSON map": func(w io.Writer) error {
			return json.NewEncoder(w).Encode(map[access.Secret]*access.Secret{secret: &secret})
		},
		"text log": func(w io.Writer) error {
			slog.New(slog.NewTextHandler(w, nil)).Info("made", "key", secret, "at", &secret, "held", held, "all", &held)
			return nil
		},
		"JSON log": func(w io.Writer) error {
			slog.New(slog.NewJSONHandler(w, nil)).Info("made", "key", secret, "at", &secret, "held", held, "all", &held)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			// 8 characters of the random part are enough to call it a leak.
			if full := secret.Reveal(); strings.Contains(out.String(), full[len("kd_"):len("kd_")+8]) {
				t.Errorf("quotes the key: %s", out.String())
			}
			if !strings.Contains(out.String(), secret.Masked()) {
				t.Errorf("has no masked key: %s", out.String())
			}
		})
	}
}

func panicOf(secret access.Secret) (cause any) {
	defer func() { cause = recover() }()
	panic(fmt.Sprint("cannot use ", secret))
}

// REV-4
func TestRefusalOfAKeyQuotesNothing(t *testing.T) {
	_, err := access.ParseSecret(knownKey + "x")
	if !errors.Is(err, access.ErrMalformed) || strings.Contains(err.Error(), knownKey[:8]) {
		t.Errorf("got %v", err)
	}
}

func TestNoKeyPrintsToo(t *testing.T) {
	if got := fmt.Sprintf("%v", access.Secret{}); got != "********" {
		t.Errorf("the zero key prints as %s", got)
	}
}

// REV-4: fmt passes Format by in unexported fields, where it must still find nothing.
func TestKeyHidesInUnexportedFields(t *testing.T) {
	secret := access.NewSecret("kd_")
	hidden := struct {
		secret access.Secret
		pepper access.Pepper
	}{secret, access.NewPepper("p", []byte("pepper pepper pepper pepper 1234"))}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%p", "%d"} {
		for _, value := range []any{hidden, &hidden, secret, []any{hidden}} {
			out := fmt.Sprintf(verb, value)
			if strings.Contains(out, secret.Reveal()[3:20]) || strings.Contains(out, "pepper p") ||
				strings.Contains(out, fmt.Sprintf("%x", secret.Reveal()[3:20])) {
				t.Errorf("%s of %T prints %s", verb, value, out)
			}
		}
	}
}
