package adapt

import (
	"fmt"
	"math"

	"visus/observer"
)

// Doubt is a reason to doubt adapted answers.
type Doubt string

// The reasons.
const (
	Single     Doubt = "single image"      // statistics of one image and nothing else
	Short      Doubt = "few images"        // fewer images than one batch of the method
	Unbalanced Doubt = "unbalanced labels" // a batch of few classes: its statistics are theirs, not those of the condition
	Collapsed  Doubt = "collapse"          // what was learnt answers few classes where the model as it came answers more
	Recovered  Doubt = "reset"             // SAR's loss became so small that it put back the parameters
	Diverged   Doubt = "no finite number"  // a step was not made
)

// Warning is a doubt and the batches since the last Reset that raised it.
type Warning struct {
	Doubt   Doubt  `json:"doubt"`
	Batches int    `json:"batches"`
	Text    string `json:"text"` // of the first of them
}

// warnings keeps one warning a doubt, in the order in which they came.
type warnings []Warning

func (w *warnings) add(d Doubt, format string, values ...any) {
	for i := range *w {
		if (*w)[i].Doubt == d {
			(*w)[i].Batches++
			return
		}
	}
	*w = append(*w, Warning{d, 1, fmt.Sprintf(format, values...)})
}

// size looks at the number of images of a batch.
func (w *warnings) size(m Method, n int) {
	if n == 1 && m.blind() && m.Mode != Cumulative {
		w.add(Single, "a batch of one image and no source samples (N=0): statistics of a single image destroy the accuracy of most networks; use mode prior")
		return
	}
	if n < m.Images {
		w.add(Short, "a batch has %d images where %d were asked for", n, m.Images)
	}
}

// balance looks at the answers of a network that leans to the source.
func (w *warnings) balance(answers []observer.Answer) {
	if len(answers) < fewest {
		return
	}
	rho, z := Coincidence(answers)
	classes := float64(len(answers[0].Probabilities))
	if z > certain && rho > max(1.5/classes, 0.1) {
		w.add(Unbalanced, "%d images seem to hold few classes (two answers agree in %.0f %% of pairs, in %.0f %% where classes are balanced): its statistics are those of the classes as much as of the condition, and images of one class are mostly answered wrongly",
			len(answers), 100*rho, 100/classes)
	}
}

// fewest is the number of answers from which on classes that coincide say something: of fewer, balanced ones do so too often by accident.
const fewest = 8

// Concentrated says whether the answers of a batch name so few classes that it is no accident: two of them agree in more than half of the
// pairs, and Coincidence is more than 4 standard deviations from that of balanced labels.
func Concentrated(answers []observer.Answer) bool {
	rho, z := Coincidence(answers)
	return z > certain && rho > (1+1/float64(len(answers[0].Probabilities)))/2
}

// certain is the number of standard deviations beyond which unbalanced answers are no accident.
const certain = 4

// Coincidence returns the share of pairs of answers that name the same class,
//
//	ρ = Σ c_k (c_k − 1) / n(n − 1)
//
// of the n answers, c_k of them class k: an unbiased estimate of Σ p_k² for any n, 1/K for balanced labels of K classes and 1 for a single
// one (Simpson 1949, "Measurement of diversity"; Friedman's index of coincidence). z is its distance from 1/K in standard deviations of
// balanced labels, √(2(K − 1)/n(n − 1))/K. Both are 0 for fewer than two answers.
func Coincidence(answers []observer.Answer) (rho, z float64) {
	n := float64(len(answers))
	if n < 2 {
		return 0, 0
	}
	counts := make([]float64, len(answers[0].Probabilities))
	for _, a := range answers {
		counts[a.Top(1)[0]]++
	}
	for _, c := range counts {
		rho += c * (c - 1) / (n * (n - 1))
	}
	classes := float64(len(counts))
	return rho, (rho - 1/classes) * classes / math.Sqrt(2*max(classes-1, 1)/(n*(n-1)))
}
