package rank

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// DefaultPermutations is the number of permutations that 0 stands for.
const DefaultPermutations = 2000

// Interval is a confidence interval of a correlation, −1..1.
type Interval struct{ Low, High float64 }

// SpearmanInterval returns the interval of a Spearman correlation r of n pairs by Fisher's z: tanh(atanh r ± z·√((1 + r²/2)/(n−3))) with
// the standard error of Bonett & Wright (2000), "Sample size requirements for estimating Pearson, Kendall and Spearman correlations".
// Level lies in (0, 1); 0 means 0.95. With fewer than 4 pairs, or r NaN, both bounds are NaN; for |r| = 1 the interval is that point. It
// reports an error where r is outside −1..1 or the level is impossible.
func SpearmanInterval(r float64, n int, level float64) (Interval, error) {
	return fisher(r, (1+r*r/2)/float64(n-3), level)
}

// KendallInterval returns the interval of a Kendall correlation tau of n pairs by Fisher's z, with the standard error √(0.437/(n−4)) of
// Fieller, Hartley & Pearson (1957), "Tests for rank correlation coefficients I". With fewer than 5 pairs both bounds are NaN; the rest is
// as for SpearmanInterval.
func KendallInterval(tau float64, n int, level float64) (Interval, error) {
	return fisher(tau, 0.437/float64(n-4), level)
}

// fisher builds the interval from the variance of atanh r; a variance that is not positive and finite means too few pairs.
func fisher(r, variance, level float64) (Interval, error) {
	if level == 0 {
		level = 0.95
	}
	if !(level > 0 && level < 1) {
		return Interval{}, fmt.Errorf("rank: level %g is outside (0, 1)", level)
	}
	if r < -1 || r > 1 {
		return Interval{}, fmt.Errorf("rank: correlation %g is outside -1..1", r)
	}
	if math.IsNaN(r) || !(variance > 0) || math.IsInf(variance, 1) {
		return Interval{math.NaN(), math.NaN()}, nil
	}
	half := distuv.UnitNormal.Quantile((1+level)/2) * math.Sqrt(variance)
	centre := math.Atanh(r)
	return Interval{math.Tanh(centre - half), math.Tanh(centre + half)}, nil
}

// PermutationTest returns the two-sided p value of a correlation (Spearman, KendallTauB or another) under the hypothesis that x and y are
// unrelated: the share of random pairings whose |correlation| reaches the observed one, which counts as one of them, so that
// p = (1 + hits)/(1 + permutations) > 0 (Phipson & Smyth 2010, "Permutation p-values should never be zero"). 0 permutations means 2,000.
// p is NaN where the correlation is. It passes the correlation's errors on, and reports one for a negative number of permutations.
func PermutationTest(x, y []float64, correlation func(x, y []float64) (float64, error), random *rand.Rand, permutations int) (float64, error) {
	if permutations < 0 {
		return 0, fmt.Errorf("rank: %d permutations are too few", permutations)
	}
	if permutations == 0 {
		permutations = DefaultPermutations
	}
	observed, err := correlation(x, y)
	if err != nil || math.IsNaN(observed) {
		return math.NaN(), err
	}
	const slack = 1e-12 // pairings that are equally good differ by rounding
	shuffled := slices.Clone(y)
	hits := 1
	for range permutations {
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		r, err := correlation(x, shuffled)
		if err != nil {
			return math.NaN(), err
		}
		if math.Abs(r) >= math.Abs(observed)-slack {
			hits++
		}
	}
	return float64(hits) / float64(permutations+1), nil
}
