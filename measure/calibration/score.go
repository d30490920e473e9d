package calibration

import (
	"fmt"
	"math"
)

// LeastProbability is the probability below which CrossEntropy clamps, so that one confident mistake costs at most 27.6 nats instead of
// making the mean infinite. Single-precision probabilities underflow to 0 long before a log-probability would.
const LeastProbability = 1e-12

// Brier accumulates the multi-class score of Brier (1950), "Verification of forecasts expressed in terms of probability": the mean
// over stimuli of Σ_classes (p − y)², y being 1 for the true class and 0 otherwise; 0 is perfect, 2 the worst. The zero value is empty.
type Brier struct {
	count int
	sum   float64
}

// Add takes in one answer: the probability of every class, and the index of the true one. The probabilities are not normalised here. It
// reports an error, and takes nothing in, where one is outside 0..1 or the index outside the classes.
func (b *Brier) Add(probabilities []float64, class int) error {
	if class < 0 || class >= len(probabilities) {
		return fmt.Errorf("calibration: true class %d is outside the %d classes", class, len(probabilities))
	}
	sum := 0.0
	for i, p := range probabilities {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("calibration: probability %g of class %d is outside 0..1", p, i)
		}
		if i == class {
			p = 1 - p
		}
		sum += p * p
	}
	b.count++
	b.sum += sum
	return nil
}

// Count returns the number of answers.
func (b *Brier) Count() int { return b.count }

// Mean returns the score, 0..2; NaN where there are no answers.
func (b *Brier) Mean() float64 { return b.sum / float64(b.count) }

// CrossEntropy accumulates the mean negative log-likelihood of the true class, in nats. The zero value is empty.
type CrossEntropy struct {
	count int
	sum   float64
}

// Add takes in the probability that the classifier gave the true class, 0..1, clamped below at LeastProbability. It reports an error, and
// takes nothing in, where it is outside 0..1 or NaN.
func (c *CrossEntropy) Add(probability float64) error {
	if !(probability >= 0 && probability <= 1) {
		return fmt.Errorf("calibration: probability %g of the true class is outside 0..1", probability)
	}
	c.count++
	c.sum -= math.Log(max(probability, LeastProbability))
	return nil
}

// Count returns the number of answers.
func (c *CrossEntropy) Count() int { return c.count }

// Mean returns the cross-entropy in nats, 0 or more; NaN where there are no answers.
func (c *CrossEntropy) Mean() float64 { return c.sum / float64(c.count) }
