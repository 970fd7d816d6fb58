package main

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// auc returns the chance that one of a is larger than one of b, where the same counts half: the U of Mann and Whitney as a
// part of all pairs. 0.5 is what two samples of the same have.
func auc(a, b []float64) float64 {
	type ranked struct {
		value float64
		ofA   bool
	}
	var all []ranked
	for _, v := range a {
		all = append(all, ranked{v, true})
	}
	for _, v := range b {
		all = append(all, ranked{v, false})
	}
	slices.SortFunc(all, func(x, y ranked) int {
		switch {
		case x.value < y.value:
			return -1
		case x.value > y.value:
			return 1
		}
		return 0
	})
	var ranks float64 // of those of a; equal ones share the mean of theirs
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].value == all[from].value {
			to++
		}
		for _, r := range all[from:to] {
			if r.ofA {
				ranks += float64(from+1+to) / 2
			}
		}
		from = to
	}
	n := float64(len(a))
	return (ranks - n*(n+1)/2) / (n * float64(len(b)))
}

// alike tells whether neither of two samples has the larger value in more than this part of all pairs.
func alike(a, b []float64, most float64) bool { return auc(a, b) > 1-most && auc(a, b) < most }

// AUTH-5: what holds the times of sign-ins against each other finds a difference of a quarter of what they scatter by, or
// one that only every eighth of them has, and none where there is none.
func TestDifferenceOfTimesIsFound(t *testing.T) {
	if got := auc([]float64{1, 2, 2}, []float64{2, 3}); got != (0+0.5+0.5)/6.0 {
		t.Errorf("of a few by hand: %f", got)
	}
	r := rand.New(rand.NewPCG(1, 2))
	const n = 2000
	sample := func(shift float64, every int) (times []float64) {
		for i := range n {
			times = append(times, 30+r.NormFloat64())
			if i%every == 0 {
				times[i] += shift
			}
		}
		return times
	}
	if a, b := sample(0, 1), sample(0, 1); !alike(a, b, 0.55) {
		t.Errorf("of the same: %f", auc(a, b))
	}
	for name, planted := range map[string][]float64{
		"all later": sample(0.25, 1), "all earlier": sample(-0.25, 1), "some much later": sample(5, 8),
	} {
		if plain := sample(0, 1); alike(planted, plain, 0.55) {
			t.Errorf("%s: %f", name, auc(planted, plain))
		}
	}
}
