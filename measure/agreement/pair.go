package agreement

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"visus/measure/bootstrap"
)

// Pair counts on how many of the same stimuli two observers were right. Every measure of this package is a function of it, and exchanging the
// observers changes none of the symmetric ones.
type Pair struct {
	Both, OnlyFirst, OnlySecond, Neither int
}

// Compare counts for two observers. It reports an error where they saw different numbers of stimuli, or none.
func Compare(first, second Answers) (Pair, error) {
	if first.stimuli != second.stimuli {
		return Pair{}, fmt.Errorf("agreement: %d and %d answers cannot be compared: observers must see the same stimuli", first.stimuli, second.stimuli)
	}
	if first.stimuli == 0 {
		return Pair{}, fmt.Errorf("agreement: there are no stimuli to compare on")
	}
	return pairOf(first.stimuli, first.accurate, second.accurate, bothRight(first.right, second.right)), nil
}

func pairOf(stimuli, first, second, both int) Pair {
	return Pair{both, first - both, second - both, stimuli - first - second + both}
}

// Stimuli returns their number.
func (p Pair) Stimuli() int { return p.Both + p.OnlyFirst + p.OnlySecond + p.Neither }

// Swap returns the pair with its observers exchanged.
func (p Pair) Swap() Pair { return Pair{p.Both, p.OnlySecond, p.OnlyFirst, p.Neither} }

// Accuracies returns both observers' fractions of right answers, 0..1.
func (p Pair) Accuracies() (first, second float64) {
	n := float64(p.Stimuli())
	return float64(p.Both+p.OnlyFirst) / n, float64(p.Both+p.OnlySecond) / n
}

// AccuracyDifference returns the SQUARED difference of the accuracies, 0..1, as "accuracy difference" is defined in Geirhos et al. (2021),
// "Partial success in closing the gap between human and machine vision" (arXiv 2106.07411).
func (p Pair) AccuracyDifference() float64 {
	d := float64(p.OnlyFirst-p.OnlySecond) / float64(p.Stimuli())
	return d * d
}

// Observed returns the observed consistency c_obs: the fraction of stimuli on which both are right or both are wrong, 0..1.
func (p Pair) Observed() float64 { return float64(p.Both+p.Neither) / float64(p.Stimuli()) }

// Expected returns the consistency c_exp = p₁p₂ + (1−p₁)(1−p₂) of independent observers with these accuracies, 0..1.
func (p Pair) Expected() float64 {
	first, second := p.Accuracies()
	return first*second + (1-first)*(1-second)
}

// ErrorConsistency returns Cohen's κ of right and wrong, −1..1: 0 is what the accuracies alone explain. In counts, which keep it exact,
//
//	κ = (c_obs − c_exp)/(1 − c_exp) = 2(Both·Neither − OnlyFirst·OnlySecond) / (R₁W₂ + W₁R₂)
//
// where R and W are how often each observer is right and wrong. It is 1 where c_obs is 1, also where both observers are always right or always
// wrong. Where only one of them is, it is 0.
func (p Pair) ErrorConsistency() float64 {
	if p.OnlyFirst == 0 && p.OnlySecond == 0 {
		return 1
	}
	right1, right2 := float64(p.Both+p.OnlyFirst), float64(p.Both+p.OnlySecond)
	wrong1, wrong2 := float64(p.OnlySecond+p.Neither), float64(p.OnlyFirst+p.Neither)
	both, neither := float64(p.Both), float64(p.Neither)
	return 2 * (both*neither - float64(p.OnlyFirst)*float64(p.OnlySecond)) / (right1*wrong2 + wrong1*right2)
}

// StandardError returns the large-sample standard error of κ of Fleiss, Cohen & Everitt (1969), "Large sample standard errors of kappa and
// weighted kappa". With the proportions q_jk of the 2×2 table and its margins it is
//
//	√((A + B − C)/n) / (1 − c_exp)
//	A = Σ_j q_jj (1 − (q_j. + q_.j)(1 − κ))²,  B = (1 − κ)² Σ_{j≠k} q_jk (q_.j + q_k.)²,  C = (κ − c_exp(1 − κ))²
//
// It is NaN where both observers are always right or always wrong. It is too small for few stimuli and accuracies near 0 or 1: see Unstable.
func (p Pair) StandardError() float64 {
	n := float64(p.Stimuli())
	first, second := p.Accuracies()
	expected, doubt := p.Expected(), 1-p.ErrorConsistency()
	square := func(v float64) float64 { return v * v }
	a := float64(p.Both)/n*square(1-(first+second)*doubt) + float64(p.Neither)/n*square(1-(2-first-second)*doubt)
	b := doubt * doubt * (float64(p.OnlyFirst)/n*square(second+1-first) + float64(p.OnlySecond)/n*square(1-second+first))
	c := square(1 - doubt - expected*doubt)
	return math.Sqrt(max(0, a+b-c)/n) / (1 - expected)
}

// StandardErrorUnderIndependence returns the standard error of κ where the observers err independently (the same paper):
//
//	√(c_exp + c_exp² − Σ_j q_j. q_.j (q_j. + q_.j)) / ((1 − c_exp)√n)
//
// It is NaN where both observers are always right or always wrong.
func (p Pair) StandardErrorUnderIndependence() float64 {
	first, second := p.Accuracies()
	expected := p.Expected()
	products := first*second*(first+second) + (1-first)*(1-second)*(2-first-second)
	return math.Sqrt(max(0, expected+expected*expected-products)) / ((1 - expected) * math.Sqrt(float64(p.Stimuli())))
}

// LargeSampleInterval returns κ ± z·StandardError with z = Φ⁻¹((1+level)/2), not cut at ±1. Level lies in (0, 1); 0 means 0.95. It reports an
// error for an impossible level.
func (p Pair) LargeSampleInterval(level float64) (bootstrap.Interval, error) {
	if level == 0 {
		level = 0.95
	}
	if !(level > 0 && level < 1) {
		return bootstrap.Interval{}, fmt.Errorf("agreement: level %g is outside (0, 1)", level)
	}
	half := distuv.UnitNormal.Quantile((1+level)/2) * p.StandardError()
	value := p.ErrorConsistency()
	return bootstrap.Interval{Value: value, Low: value - half, High: value + half}, nil
}

// Unstable says that κ says little, because chance leaves almost no room for it or an observer is almost never right: c_exp above 0.95, or an
// accuracy below 0.1. The limits are ours; show such a κ in grey, with its bounds and interval.
func (p Pair) Unstable() bool {
	first, second := p.Accuracies()
	return p.Expected() > 0.95 || min(first, second) < 0.1
}
