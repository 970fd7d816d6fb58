package access_test

import (
	"testing"

	"github.com/keydesk/keydesk/access"
)

func BenchmarkNewSecret(b *testing.B) {
	for b.Loop() {
		access.NewSecret(access.DefaultPrefix)
	}
}

func BenchmarkParseSecret(b *testing.B) {
	full := access.NewSecret(access.DefaultPrefix).Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := access.ParseSecret(full); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	secret, pepper := access.NewSecret(access.DefaultPrefix), access.NewPepper("p", make([]byte, 32))
	b.ReportAllocs()
	for b.Loop() {
		pepper.Fingerprint(secret)
	}
}
