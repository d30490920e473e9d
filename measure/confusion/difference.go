package confusion

import (
	"fmt"
	"math"
	"slices"

	"visus/measure/proportion"
)

// DefaultTests is the number of tests that 0 stands for: cells of a matrix of 16 classes, times nine matrices, as in the analysis of Geirhos et
// al. (2019), "ImageNet-trained CNNs are biased towards texture".
const DefaultTests = 16 * 17 * 9

// Difference compares one cell of two matrices.
type Difference struct {
	Percent float64 // of the first minus that of the reference, −100..100; NaN where either never saw the class
	P       float64 // two-sided exact binomial; NaN likewise
	// Stars is 1, 2 or 3 where P is below 0.05, 0.01 or 0.001 divided by the number of tests (Bonferroni), else 0. It is negative where the
	// reference gives the answer more often.
	Stars int
}

// Differences tests for each cell of Percent whether the first gives that answer as often as the reference does: the first's count is
// binomial with the reference's fraction, where 0 and 1 stand for 0.001 and 0.999. The reference's own uncertainty does not count, so a
// reference of few trials makes differences look surer than they are. This is the test of the 2019 analysis, with people first and a model as
// the reference. It reports an error where the classes differ or the number of tests is negative.
func Differences(first, reference *Matrix, tests int) ([][]Difference, error) {
	if !slices.Equal(first.classes, reference.classes) {
		return nil, fmt.Errorf("confusion: matrices of the classes %q and %q cannot be compared", first.classes, reference.classes)
	}
	if tests < 0 {
		return nil, fmt.Errorf("confusion: %d tests are too few", tests)
	}
	if tests == 0 {
		tests = DefaultTests
	}
	cells := make([][]Difference, 1+len(first.classes))
	for r := range cells {
		cells[r] = make([]Difference, len(first.classes))
		for c := range first.classes {
			var err error
			if cells[r][c], err = difference(first, reference, r, c, tests); err != nil {
				return nil, err
			}
		}
	}
	return cells, nil
}

func difference(first, reference *Matrix, row, class, tests int) (Difference, error) {
	shown, count := first.shown(class), first.answered(row, class)
	fraction := float64(count) / float64(shown)
	want := float64(reference.answered(row, class)) / float64(reference.shown(class))
	if math.IsNaN(fraction) || math.IsNaN(want) {
		return Difference{math.NaN(), math.NaN(), 0}, nil
	}
	const floor = 0.001
	p, err := proportion.BinomialTest(count, shown, min(1-floor, max(floor, want)))
	if err != nil {
		return Difference{}, err
	}
	stars := 0
	for _, alpha := range []float64{0.05, 0.01, 0.001} {
		if p < alpha/float64(tests) {
			stars++
		}
	}
	if fraction < want {
		stars = -stars
	}
	return Difference{100 * (fraction - want), p, stars}, nil
}
