package proportion

import (
	"fmt"

	"gonum.org/v1/gonum/stat/distuv"
)

// BinomialTest returns the two-sided p value of the exact test that each of the trials succeeds with probability p: the probability of all
// counts that are no likelier than the observed one (as R's binom.test). Without trials it is 1. It reports an error for impossible counts and
// for p outside 0..1.
func BinomialTest(successes, trials int, p float64) (float64, error) {
	if trials < 0 || successes < 0 || successes > trials {
		return 0, fmt.Errorf("proportion: %d successes of %d trials are impossible", successes, trials)
	}
	if !(p >= 0 && p <= 1) {
		return 0, fmt.Errorf("proportion: probability %g is outside 0..1", p)
	}
	if p == 0 || p == 1 { // the logarithm of the likelihood has no value there
		if float64(successes) == p*float64(trials) {
			return 1, nil
		}
		return 0, nil
	}
	binomial := distuv.Binomial{N: float64(trials), P: p}
	const slack = 1 + 1e-7 // counts that are equally likely differ by rounding
	limit := slack * binomial.Prob(float64(successes))
	unlikely := 0.0
	for k := range trials + 1 {
		if likelihood := binomial.Prob(float64(k)); likelihood <= limit {
			unlikely += likelihood
		}
	}
	return min(1, unlikely), nil
}
