package access_test

import (
	"testing"

	"github.com/keydesk/keydesk/access"
)

// KEY-1. With 61 degrees of freedom a fair source exceeds 200 less than once in 10^15 runs; a byte taken modulo 62 would
// come to about 2,000.
func TestRandomPartIsUniform(t *testing.T) {
	const keys, bound = 10_000, 200.0
	seen := make(map[string]bool, keys)
	count := make(map[rune]float64, len(alphabet))
	for range keys {
		full := access.NewSecret("kd_").Reveal()
		seen[full] = true
		for _, c := range full[len("kd_") : len("kd_")+32] {
			count[c]++
		}
	}
	if len(seen) != keys {
		t.Errorf("%d of %d keys are distinct", len(seen), keys)
	}
	expected := float64(keys) * 32 / float64(len(alphabet))
	sum := 0.0
	for _, c := range alphabet {
		if count[c] == 0 {
			t.Errorf("%c never appears", c)
		}
		sum += (count[c] - expected) * (count[c] - expected) / expected
	}
	if sum > bound {
		t.Errorf("chi-square is %.0f, above %.0f", sum, bound)
	}
}
