// Package proportion estimates and compares probabilities from counts of right and wrong answers.
package proportion

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// DefaultLevel is the confidence level that a level of 0 stands for.
const DefaultLevel = 0.95

// Estimate is a proportion with its confidence interval; all three lie in 0..1.
type Estimate struct {
	Value     float64 // successes/trials
	Low, High float64
}

// String prints the estimate in percent, e.g. "80.0 % [49.0, 94.3]".
func (e Estimate) String() string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*e.Value, 100*e.Low, 100*e.High)
}

// Wilson returns successes/trials with the score interval of Wilson (1927), "Probable inference, the law of succession, and statistical
// inference", without continuity correction:
//
//	(p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n),  p = successes/trials, n = trials, z = Φ⁻¹((1+level)/2).
//
// Level lies in (0, 1); 0 means 0.95. Without successes the lower bound is exactly 0, without failures the upper one exactly 1.
// With no trials nothing is known: all three numbers are NaN. It reports an error for impossible counts and levels.
func Wilson(successes, trials int, level float64) (Estimate, error) {
	if trials < 0 || successes < 0 || successes > trials {
		return Estimate{}, fmt.Errorf("proportion: %d successes of %d trials are impossible", successes, trials)
	}
	if level == 0 {
		level = DefaultLevel
	}
	if !(level > 0 && level < 1) {
		return Estimate{}, fmt.Errorf("proportion: level %g is outside (0, 1)", level)
	}
	if trials == 0 {
		nan := math.NaN()
		return Estimate{nan, nan, nan}, nil
	}
	n := float64(trials)
	p := float64(successes) / n
	z := distuv.UnitNormal.Quantile((1 + level) / 2)
	centre := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	e := Estimate{Value: p, Low: (centre - half) / scale, High: (centre + half) / scale}
	if successes == 0 { // rounding would leave a few ulps
		e.Low = 0
	}
	if successes == trials {
		e.High = 1
	}
	return e, nil
}
