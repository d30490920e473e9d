// Package rank measures how far two lists of numbers order the same things alike.
package rank

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Spearman returns Spearman's rank correlation of x and y, −1..1: Pearson's correlation of their ranks, equal values sharing the mean of
// their ranks (Kendall & Gibbons 1990, "Rank correlation methods"). It is NaN where either list has fewer than two different values. It
// reports an error where the lengths differ or a value is NaN.
func Spearman(x, y []float64) (float64, error) {
	if err := check(x, y); err != nil {
		return 0, err
	}
	if constant(x) || constant(y) {
		return math.NaN(), nil
	}
	return limit(stat.Correlation(Ranks(x), Ranks(y), nil)), nil
}

// Ranks returns the ranks of the values, counting from 1 for the smallest; equal values share the mean of their ranks. NaN sorts first.
func Ranks(x []float64) []float64 {
	order := sortedBy(x)
	ranks := make([]float64, len(x))
	for start := 0; start < len(order); {
		end := start + 1
		for end < len(order) && x[order[end]] == x[order[start]] {
			end++
		}
		for _, i := range order[start:end] {
			ranks[i] = float64(start+1+end) / 2
		}
		start = end
	}
	return ranks
}

// KendallTauB returns Kendall's τ_b of x and y, −1..1: (concordant − discordant pairs) / √((pairs untied in x)·(pairs untied in y))
// (Kendall 1945, "The treatment of ties in ranking problems"), in O(n log n) after Knight (1966), "A computer method for calculating
// Kendall's tau with ungrouped data". It is NaN where either list has fewer than two different values. It reports an error where the
// lengths differ or a value is NaN.
func KendallTauB(x, y []float64) (float64, error) {
	if err := check(x, y); err != nil {
		return 0, err
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Or(cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j])) })
	sameX := tiedPairs(order, func(i, j int) bool { return x[i] == x[j] })
	sameBoth := tiedPairs(order, func(i, j int) bool { return x[i] == x[j] && y[i] == y[j] })

	// In the order of x, ties broken by y, a pair is discordant exactly where its y are in the wrong order.
	ys := make([]float64, len(y))
	for k, i := range order {
		ys[k] = y[i]
	}
	discordant := sortCountingInversions(ys, make([]float64, len(ys)))
	sameY := 0.0
	for start, k := 0, 1; k <= len(ys); k++ {
		if k == len(ys) || ys[k] != ys[start] {
			sameY += pairs(k - start)
			start = k
		}
	}
	all := pairs(len(x))
	if all == sameX || all == sameY {
		return math.NaN(), nil
	}
	concordant := all - sameX - sameY + sameBoth - discordant
	return limit((concordant - discordant) / (math.Sqrt(all-sameX) * math.Sqrt(all-sameY))), nil
}

// pairs returns the number of pairs of n things, as a float because it may pass 2⁵³ only beyond any list that fits in memory.
func pairs(n int) float64 { return float64(n) * float64(n-1) / 2 }

// tiedPairs counts the pairs within runs of equal neighbours.
func tiedPairs(order []int, equal func(i, j int) bool) float64 {
	sum := 0.0
	for start, k := 0, 1; k <= len(order); k++ {
		if k == len(order) || !equal(order[start], order[k]) {
			sum += pairs(k - start)
			start = k
		}
	}
	return sum
}

// sortCountingInversions merge-sorts v, with a buffer as long, and returns the number of pairs that were in the wrong order.
func sortCountingInversions(v, buffer []float64) float64 {
	if len(v) < 2 {
		return 0
	}
	half := len(v) / 2
	count := sortCountingInversions(v[:half], buffer[:half]) + sortCountingInversions(v[half:], buffer[half:])
	copy(buffer, v)
	left, right := buffer[:half], buffer[half:]
	for k := range v {
		if len(right) == 0 || (len(left) > 0 && left[0] <= right[0]) {
			v[k], left = left[0], left[1:]
		} else {
			v[k], right = right[0], right[1:]
			count += float64(len(left))
		}
	}
	return count
}

func sortedBy(x []float64) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	return order
}

func constant(x []float64) bool {
	return len(x) == 0 || slices.Min(x) == slices.Max(x)
}

// limit takes back the last bits by which rounding may leave −1..1.
func limit(r float64) float64 { return min(1, max(-1, r)) }

func check(x, y []float64) error {
	if len(x) != len(y) {
		return fmt.Errorf("rank: lists of %d and %d values cannot be paired", len(x), len(y))
	}
	for i := range x {
		if math.IsNaN(x[i]) || math.IsNaN(y[i]) {
			return fmt.Errorf("rank: pair %d (%g, %g) has no order", i, x[i], y[i])
		}
	}
	return nil
}
