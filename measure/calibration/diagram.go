// Package calibration measures how well a classifier's probabilities predict how often it is right.
package calibration

import (
	"fmt"
	"math"
)

// DefaultBins is the number of equal-width bins of Guo et al. (2017).
const DefaultBins = 15

// Diagram accumulates a reliability diagram: answers binned by their confidence. Its memory is that of its bins. Make one with NewDiagram.
type Diagram struct {
	bins    []tally
	squares float64 // Σ (confidence − correct)²
}

// tally sums the answers of one bin.
type tally struct {
	count, correct int
	confidence     float64
}

// Bin is one bar of a reliability diagram: the answers with Low < confidence ≤ High (the first bin also holds confidence 0).
type Bin struct {
	Low, High  float64
	Count      int
	Confidence float64 // mean confidence; NaN where Count is 0
	Accuracy   float64 // fraction of right answers; NaN where Count is 0
}

// NewDiagram returns an empty diagram with bins of equal width; 0 bins means 15. It reports an error for a negative number.
func NewDiagram(bins int) (*Diagram, error) {
	if bins < 0 {
		return nil, fmt.Errorf("calibration: %d bins are too few", bins)
	}
	if bins == 0 {
		bins = DefaultBins
	}
	return &Diagram{bins: make([]tally, bins)}, nil
}

// Add takes in one answer: the probability that the classifier gave it, 0..1, and whether it was right. It reports an error, and takes
// nothing in, where the confidence is outside 0..1 or NaN.
func (d *Diagram) Add(confidence float64, correct bool) error {
	if !(confidence >= 0 && confidence <= 1) {
		return fmt.Errorf("calibration: confidence %g is outside 0..1", confidence)
	}
	b := &d.bins[binOf(confidence, len(d.bins))]
	b.count++
	b.confidence += confidence
	miss := confidence
	if correct {
		b.correct++
		miss = 1 - confidence
	}
	d.squares += miss * miss
	return nil
}

// binOf returns the bin i of n with i/n < confidence ≤ (i+1)/n, in exactly the numbers that Bins shows.
func binOf(confidence float64, n int) int {
	i := min(max(int(math.Ceil(confidence*float64(n)))-1, 0), n-1)
	if i > 0 && confidence <= float64(i)/float64(n) { // confidence·n was rounded up across an edge
		return i - 1
	}
	if i < n-1 && confidence > float64(i+1)/float64(n) {
		return i + 1
	}
	return i
}

// Count returns the number of answers.
func (d *Diagram) Count() int {
	n := 0
	for _, b := range d.bins {
		n += b.count
	}
	return n
}

// Bins returns the diagram's bars from confidence 0 to 1, empty ones included.
func (d *Diagram) Bins() []Bin {
	width := float64(len(d.bins))
	out := make([]Bin, len(d.bins))
	for i, b := range d.bins {
		n := float64(b.count) // 0/0 is the NaN of an empty bin
		out[i] = Bin{
			Low: float64(i) / width, High: float64(i+1) / width,
			Count: b.count, Confidence: b.confidence / n, Accuracy: float64(b.correct) / n,
		}
	}
	return out
}

// ExpectedError returns the expected calibration error (ECE) of Guo et al. (2017), "On calibration of modern neural networks", eq. 3:
// Σ_bins count/n · |accuracy − mean confidence|, a fraction in 0..1; NaN where there are no answers.
func (d *Diagram) ExpectedError() float64 {
	sum := 0.0
	for _, b := range d.bins {
		sum += math.Abs(float64(b.correct) - b.confidence)
	}
	return sum / float64(d.Count())
}

// MaximumError returns the maximum calibration error (MCE) of Guo et al. (2017), eq. 5: the largest |accuracy − mean confidence| of a bin
// that holds answers, a fraction in 0..1; NaN where there are no answers.
func (d *Diagram) MaximumError() float64 {
	worst := math.NaN()
	for _, b := range d.bins {
		if b.count == 0 {
			continue
		}
		gap := math.Abs(float64(b.correct)-b.confidence) / float64(b.count)
		if !(gap <= worst) { // true also for the first, when worst is NaN
			worst = gap
		}
	}
	return worst
}

// BrierScore returns the mean of (confidence − correct)², with correct 0 or 1: the score of Brier (1950) for the binary event "the answer is
// right", in 0..1; NaN where there are no answers. The score over all classes is Brier.
func (d *Diagram) BrierScore() float64 { return d.squares / float64(d.Count()) }
