package adapt

import (
	"cmp"
	"math"

	"visus/graph/nn"
)

// The modes that learn: layers use the statistics of the batch, variance biased, and a step of an optimiser on each batch changes parameters,
// all but CoTTA the scales and biases of batch normalisation alone. Answers are those before the step. With p the softmax of an image's logits
// and H = −Σ p log p in nats, the losses are:
const (
	Tent  Mode = "tent"  // mean H (Wang et al. 2021)
	RPL   Mode = "rpl"   // mean (1 − p_ŷ^q)/q, ŷ the class answered, q = 0.8: robust pseudo-labels (Rusak et al. 2022)
	ETA   Mode = "eta"   // mean H·exp(E₀ − H) of the images with H < E₀ that differ from those before (Niu et al. 2022)
	EATA  Mode = "eata"  // that and α Σ F (θ − θ⁰)², F how much a parameter matters to clean images (the same paper)
	SAR   Mode = "sar"   // mean H of the images with H < E₀, where the parameters are moved by ρ against the descent (Niu et al. 2023)
	CoTTA Mode = "cotta" // −Σ p̂ log p, p̂ of a teacher, the moving average of all weights, which also answers (Wang et al. 2022)
)

// Learners lists the modes that learn.
var Learners = []Mode{Tent, RPL, ETA, EATA, SAR, CoTTA}

// Learning says how the modes that learn do it. The zero value of every field is a default, of the papers' code where they agree.
type Learning struct {
	Optimiser nn.Optimiser // nil: Adam; of SAR gradient descent with momentum 0.9
	Rate      float64      // 0: 1e-3; of SAR 2.5e-4
	Steps     int          // on each batch, whose answers are those before the last one; 0: 1
	Episodic  bool         // every batch begins with the source's parameters; of use with several steps
	Lasting   bool         // a collapse is told, and the parameters stay
	Seed      uint64       // of CoTTA's views and of the weights that it restores

	Sure  float64 // E₀ of ETA, EATA and SAR, in nats; 0: 0.4 log K of K classes
	Alike float64 // d of ETA and EATA: the cosine to the mean answer from which on they drop an image; 0: 0.4 up to 100 classes, else 0.05

	Clean  Images  // of EATA: at most 2000 of these are looked at; no labels
	Anchor float64 // α of EATA; 0: 1 up to 100 classes, else 2000

	Radius float64 // ρ of SAR; 0: 0.05
	Floor  float64 // SAR puts everything back where the moving average of its loss is below this; 0: 0.2; negative: never

	Memory  float64 // weight of the past in CoTTA's teacher; 0: 0.999
	Restore float64 // the probability that CoTTA puts a weight back to the source's after a step; 0: 0.01; negative: none
	Doubt   float64 // mean confidence of the source's answers below which CoTTA's teacher looks at several views; 0: 0.92
	Views   int     // so many; 0: 32
}

const (
	power = 0.8 // q of RPL
	past  = 0.9 // weight of the past in ETA's mean answer and in SAR's mean loss
	few   = 100 // classes up to which the settings for CIFAR are taken, else those for ImageNet
)

func (m Method) rate() float64 {
	if m.Mode == SAR {
		return cmp.Or(m.Learning.Rate, 2.5e-4)
	}
	return cmp.Or(m.Learning.Rate, 1e-3)
}

func (m Method) optimiser() nn.Optimiser {
	switch {
	case m.Learning.Optimiser != nil:
		return m.Learning.Optimiser
	case m.Mode == SAR:
		return nn.SGD{Momentum: 0.9}
	}
	return nn.Adam{}
}

// memory is the weight of the past in a teacher; 0 without one.
func (m Method) memory() float64 {
	if m.Mode != CoTTA {
		return 0
	}
	return cmp.Or(m.Learning.Memory, 0.999)
}

func (o Learning) sure(classes int) float64 { return cmp.Or(o.Sure, 0.4*math.Log(float64(classes))) }

func (o Learning) alike(classes int) float64 {
	if classes <= few {
		return cmp.Or(o.Alike, 0.4)
	}
	return cmp.Or(o.Alike, 0.05)
}

func (o Learning) anchor(classes int) float64 {
	if classes <= few {
		return cmp.Or(o.Anchor, 1)
	}
	return cmp.Or(o.Anchor, 2000)
}

func (o Learning) views() int { return cmp.Or(o.Views, 32) }
