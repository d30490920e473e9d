package agreement

import (
	"fmt"
	"math"
)

// Bounds are what consistency can be at all.
type Bounds struct {
	ObservedLow, ObservedHigh float64 // of c_obs, 0..1
	KappaLow, KappaHigh       float64 // of κ, −1..1
}

// BoundsOfAccuracies returns what two observers with these accuracies can reach, whatever they err on:
//
//	|p₁ + p₂ − 1| ≤ c_obs ≤ 1 − |p₁ − p₂|
//
// with the bounds of κ by insertion. It reports an error for an accuracy outside 0..1.
func BoundsOfAccuracies(first, second float64) (Bounds, error) {
	if !(first >= 0 && first <= 1 && second >= 0 && second <= 1) {
		return Bounds{}, fmt.Errorf("agreement: accuracies %g and %g must lie in 0..1", first, second)
	}
	expected := first*second + (1-first)*(1-second)
	return boundsBetween(math.Abs(first+second-1), 1-math.Abs(first-second), expected), nil
}

// BoundsOfExpected returns what observers can reach of whom only the expected consistency is known: √(2c_exp − 1) ≤ c_obs ≤ 1 where c_exp ≥ ½,
// and 0 ≤ c_obs ≤ 1 − √(1 − 2c_exp) below. At c_exp = 1 chance explains everything and the formula of κ is 0/0; the bounds there are 0, the
// limit of the lower one. It reports an error for an expected consistency outside 0..1.
func BoundsOfExpected(expected float64) (Bounds, error) {
	switch {
	case !(expected >= 0 && expected <= 1):
		return Bounds{}, fmt.Errorf("agreement: expected consistency %g must lie in 0..1", expected)
	case expected == 1:
		return Bounds{ObservedLow: 1, ObservedHigh: 1}, nil
	case expected >= 0.5:
		return boundsBetween(math.Sqrt(2*expected-1), 1, expected), nil
	}
	return boundsBetween(0, 1-math.Sqrt(1-2*expected), expected), nil
}

func boundsBetween(low, high, expected float64) Bounds {
	of := func(observed float64) float64 {
		if observed == 1 {
			return 1
		}
		return (observed - expected) / (1 - expected)
	}
	return Bounds{low, high, of(low), of(high)}
}
