package access_test

import (
	"testing"
	"time"

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

func BenchmarkReportRow(b *testing.B) {
	now := time.Now()
	r, row := access.NewReport(now), make([]byte, 0, 1024)
	k := access.Key{UserID: "ada.noether", Last4: "7Hq0", CreatedAt: now.Add(-99 * time.Hour), LastUsedAt: now}
	b.ReportAllocs()
	for b.Loop() {
		row = r.Append(row[:0], k)
	}
}
