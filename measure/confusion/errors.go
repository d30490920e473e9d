package confusion

import (
	"fmt"
	"math"
)

// ErrorRates returns for each class, in the matrix's order, the fraction of answered stimuli that were named wrongly, 0..1. Stimuli without
// an answer do not count. It is NaN for a class of which none was answered.
func (m *Matrix) ErrorRates() []float64 {
	rates := make([]float64, len(m.classes))
	for i := range rates {
		answered := m.shown(i) - m.silent[i]
		rates[i] = float64(answered-m.row(i)[i]) / float64(answered)
	}
	return rates
}

// ErrorDistribution returns ErrorRates divided by their sum: on which classes the observer errs, however often. Without errors it is uniform;
// classes of which none was answered count as free of errors.
func (m *Matrix) ErrorDistribution() []float64 {
	rates := m.ErrorRates()
	sum := 0.0
	for i, r := range rates {
		if math.IsNaN(r) {
			rates[i] = 0
		}
		sum += rates[i]
	}
	for i := range rates {
		if sum == 0 {
			rates[i] = 1 / float64(len(rates))
		} else {
			rates[i] /= sum
		}
	}
	return rates
}

// SquaredDistance returns Σ (p−q)² of two distributions, 0..2. It reports an error where their lengths differ.
func SquaredDistance(p, q []float64) (float64, error) {
	return sumOver(p, q, func(a, b float64) float64 { return (a - b) * (a - b) })
}

// JensenShannon returns the divergence of Lin (1991), "Divergence measures based on the Shannon entropy", in bits, 0..1:
// ½ KL(p‖m) + ½ KL(q‖m) with m = (p+q)/2. It reports an error where the lengths differ.
func JensenShannon(p, q []float64) (float64, error) {
	return sumOver(p, q, func(a, b float64) float64 {
		m := (a + b) / 2
		return (relative(a, m) + relative(b, m)) / 2
	})
}

// SymmetricKL returns ½ KL(p‖q) + ½ KL(q‖p) in bits, with zeros replaced by 0.0001. The analysis code of Geirhos et al. (2018),
// "Generalisation in humans and deep neural networks", calls it Jensen-Shannon divergence, which it is not; it is here to compare with their
// numbers. It reports an error where the lengths differ.
func SymmetricKL(p, q []float64) (float64, error) {
	const zero = 1e-4
	lift := func(v float64) float64 {
		if v == 0 {
			return zero
		}
		return v
	}
	return sumOver(p, q, func(a, b float64) float64 {
		a, b = lift(a), lift(b)
		return (relative(a, b) + relative(b, a)) / 2
	})
}

// relative is one term of the relative entropy in bits.
func relative(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return a * math.Log2(a/b)
}

func sumOver(p, q []float64, term func(a, b float64) float64) (float64, error) {
	if len(p) != len(q) {
		return 0, fmt.Errorf("confusion: distributions over %d and %d classes cannot be compared", len(p), len(q))
	}
	sum := 0.0
	for i := range p {
		sum += term(p[i], q[i])
	}
	return sum, nil
}
