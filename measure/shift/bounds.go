package shift

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Bounds returns what the expected squared distance between the statistics combined from N source pseudo-samples and n target samples, and
// the true statistics of the target, lies between, at confidence 1−alpha. With independent normal samples and the biased target variance
//
//	L = (σ_t − √(N/(N+n) σ_s² + (n−1)/(N+n) σ_t²))² + (N/(N+n))² (μ_t−μ_s)² + n/(N+n)² σ_t²
//	U = L + σ_t⁵ (n−1)/(2(N+n)²) · (N/(N+n) σ_s² + χ²_{α/2,n−1}/(N+n) σ_t²)^(−3/2)
//
// where χ² is the left-tail quantile. L comes from E√X ≤ √EX, U from a second-order bound of the root (Schneider et al. 2020, proposition 1).
// Both are in squared units of the activation. n counts independent samples, at least 1; the pixels of a feature map are not independent, so
// n lies between the number of images and that of their pixels, and need not be whole; N is in the same unit. With n = 1 the sample variance
// is 0 without chance, and U = L. It reports an error for n < 1, N < 0 and alpha outside 0..1.
func (c Channel) Bounds(n, prior, alpha float64) (lower, upper float64, err error) {
	if err := check(n, prior, alpha); err != nil {
		return 0, 0, err
	}
	lower, upper = c.bounds(n, prior, chiSquare(n, alpha))
	return lower, upper, nil
}

func check(n, prior, alpha float64) error {
	switch {
	case !(n >= 1) || math.IsInf(n, 0):
		return fmt.Errorf("shift: %g target samples, expected 1 or more", n)
	case !(prior >= 0) || math.IsInf(prior, 0):
		return fmt.Errorf("shift: %g source samples, expected 0 or more", prior)
	case !(alpha > 0 && alpha < 1):
		return fmt.Errorf("shift: alpha %g, expected between 0 and 1", alpha)
	}
	return nil
}

// chiSquare returns the left-tail quantile χ²_{α/2,n−1}.
func chiSquare(n, alpha float64) float64 {
	if n == 1 {
		return 0
	}
	return distuv.ChiSquared{K: n - 1}.Quantile(alpha / 2)
}

func (c Channel) bounds(n, prior, chi float64) (lower, upper float64) {
	all := prior + n
	lambda := prior / all
	sigma := math.Sqrt(c.TargetVariance)
	lower = square(sigma-math.Sqrt(lambda*c.SourceVariance+(n-1)/all*c.TargetVariance)) +
		square(lambda*(c.TargetMean-c.SourceMean)) + n/square(all)*c.TargetVariance
	if n == 1 || c.TargetVariance == 0 {
		return lower, lower
	}
	root := lambda*c.SourceVariance + chi/all*c.TargetVariance
	return lower, lower + math.Pow(sigma, 5)*(n-1)/(2*square(all))*math.Pow(root, -1.5)
}

// Criterion is what Suggest minimises.
type Criterion int

// The two criteria. Lower is close to the expected distance where n is more than a few, Middle is the careful choice for small n.
const (
	Lower  Criterion = iota // L
	Middle                  // (L + U)/2
)

// MostPrior is the largest N that Suggest gives: source statistics alone.
const MostPrior = 1 << 20

// Suggest returns the whole number N of source pseudo-samples, 0 to MostPrior, that minimises the criterion's mean over the channels of a
// layer, each in units of its source variance. Dead channels (see Layer) do not count. It looks at 0, at a ladder of steps of 2^(1/8) from 1
// on, and narrows down between the neighbours of the best, where it takes the cost to fall and then rise; of equals the smallest is taken.
// The formulas take channels as normal and samples as independent, so what they suggest is a start, to be compared with what errors say.
// It reports an error for what Bounds does and where no channel is alive.
func Suggest(channels []Channel, n, alpha float64, by Criterion) (int, error) {
	return suggest([][]Channel{channels}, n, alpha, by)
}

// SuggestNetwork is Suggest for a network whose layers count alike, however many channels they have, as they do in Network.
func SuggestNetwork(layers [][]Channel, n, alpha float64, by Criterion) (int, error) {
	return suggest(layers, n, alpha, by)
}

func suggest(layers [][]Channel, n, alpha float64, by Criterion) (int, error) {
	if err := check(n, 0, alpha); err != nil {
		return 0, err
	}
	living := make([][]Channel, 0, len(layers))
	for _, l := range layers {
		if a := alive(l); len(a) > 0 {
			living = append(living, a)
		}
	}
	if len(living) == 0 {
		return 0, fmt.Errorf("shift: no prior can be suggested: no channel has a source variance above 0")
	}
	chi := chiSquare(n, alpha)
	cost := func(prior int) float64 {
		sum := 0.0
		for _, channels := range living {
			for _, c := range channels {
				l, u := c.bounds(n, float64(prior), chi)
				if by == Middle {
					l = (l + u) / 2
				}
				sum += l / c.SourceVariance / float64(len(channels))
			}
		}
		return sum
	}
	ladder := steps()
	best := least(ladder, cost)
	return refine(ladder[max(best-1, 0)], ladder[min(best+1, len(ladder)-1)], cost), nil
}

// steps returns 0 and growing numbers up to MostPrior, neighbours a factor of 2^(1/8) apart or 1.
func steps() []int {
	ladder := []int{0}
	for k := 0; k <= 20*8; k++ {
		if n := int(math.Round(math.Exp2(float64(k) / 8))); n > ladder[len(ladder)-1] {
			ladder = append(ladder, n)
		}
	}
	return ladder
}

// least returns the index of the number with the smallest cost, the first of equals.
func least(numbers []int, cost func(int) float64) int {
	best, lowest := 0, math.Inf(1)
	for i, n := range numbers {
		if c := cost(n); c < lowest {
			best, lowest = i, c
		}
	}
	return best
}

// refine narrows low..high, between whose ends the cost has one minimum, down to it.
func refine(low, high int, cost func(int) float64) int {
	for high-low > 2 {
		third := (high - low) / 3
		a, b := low+third, high-third
		if cost(a) <= cost(b) {
			high = b
		} else {
			low = a
		}
	}
	best := low
	for n := low + 1; n <= high; n++ {
		if cost(n) < cost(best) {
			best = n
		}
	}
	return best
}
