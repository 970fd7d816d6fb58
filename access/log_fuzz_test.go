package access_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/keydesk/keydesk/access"
)

// proven returns a log line of one entry and the public key that verifies it.
func proven(tb testing.TB) (line []byte, checkpoint, verifier string) {
	tb.Helper()
	entry, err := access.Change{
		Number: 1, At: time.UnixMicro(1).UTC(), Actor: "alice", Action: access.CreateKey, UserID: "alice", KeyID: "k", Detail: "<\u2028>",
		Traces: `[{"table":"keys","id":"k","is":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]`,
	}.Entry()
	if err != nil {
		tb.Fatal(err)
	}
	signer, verifier, err := access.NewSigningKey("keydesk/test", make([]byte, access.SigningSeedLen))
	if err != nil {
		tb.Fatal(err)
	}
	leaf := tlog.RecordHash(entry)
	if checkpoint, err = (access.Checkpoint{Origin: "keydesk/test", Size: 1, Root: leaf}).Sign(signer); err != nil {
		tb.Fatal(err)
	}
	if line, err = (access.Proof{Entry: entry, Leaf: leaf}).Append(nil, checkpoint); err != nil {
		tb.Fatal(err)
	}
	return line, checkpoint, verifier
}

// AUD-6: a line that is not the one which was handed out proves nothing but what that one does.
func FuzzLogLine(f *testing.F) {
	line, checkpoint, verifier := proven(f)
	verifiers, err := access.ParseVerifiers([]string{verifier})
	if err != nil {
		f.Fatal(err)
	}
	want, _, err := access.ParseEntry(entryOf(f, line))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"origin":"keydesk/test","verifiers":[],"checkpoint":"x"}`))
	f.Add(bytes.Replace(line, []byte(`"index":0`), []byte(`"index":-1`), 1))
	f.Add([]byte(checkpoint))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := access.ParseLogLine(text)
		if err != nil {
			return
		}
		p, there, err := l.Proof()
		if err != nil || !there {
			return
		}
		signed, err := access.OpenCheckpoint(l.Checkpoint, verifiers)
		if err != nil {
			return
		}
		if got, err := p.Check(signed); err == nil && got != want {
			t.Errorf("%q proves %+v", text, got)
		}
	})
}

func entryOf(tb testing.TB, line []byte) []byte {
	tb.Helper()
	l, err := access.ParseLogLine(line)
	if err != nil {
		tb.Fatal(err)
	}
	return l.Entry
}

// AUD-3: what opens was signed, whatever stands around it; and what is spelt as the log spells it is the same text.
func FuzzOpenCheckpoint(f *testing.F) {
	_, checkpoint, verifier := proven(f)
	verifiers, err := access.ParseVerifiers([]string{verifier})
	if err != nil {
		f.Fatal(err)
	}
	want, err := access.OpenCheckpoint(checkpoint, verifiers)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(checkpoint)
	f.Add(strings.Replace(checkpoint, "\n1\n", "\n01\n", 1))
	f.Add(checkpoint + checkpoint)
	f.Add(strings.TrimSuffix(checkpoint, "\n") + "\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := access.OpenCheckpoint(text, verifiers)
		if err != nil {
			return
		}
		if got != want || access.SpeltAsSigned(text, verifiers) && text != checkpoint {
			t.Errorf("%q opens as %+v", text, got)
		}
		if read, err := access.ReadCheckpoint(text); err != nil || read != got {
			t.Errorf("%q reads as %+v, %v", text, read, err)
		}
	})
}

// FuzzParseEntry: what reads as an entry is spelt again without a panic, and the log's own spelling comes back as it was.
func FuzzParseEntry(f *testing.F) {
	line, _, _ := proven(f)
	f.Add(entryOf(f, line))
	f.Add([]byte(`{"number":1,"at":"2026-03-01T12:00:00.000000Z","traces":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		change, traces, err := access.ParseEntry(text)
		if err != nil {
			return
		}
		if _, err := access.FormatTraces(traces); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		again, err := change.Entry()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if back, _, err := access.ParseEntry(again); err != nil || back != change {
			t.Errorf("%q: %+v, then %+v, %v", text, change, back, err)
		}
	})
}
