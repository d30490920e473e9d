package nn

import (
	"visus/graph"
	"visus/tensor"
)

// AdaBound is Adam whose rate for each element is clipped to bounds that close in on that of SGD (Luo et al. 2019, in the form of the
// authors' repository). With t the number of the step, from 1:
//
//	g = gradient + decay · p
//	m = β₁ m + (1-β₁) g,  v = β₂ v + (1-β₂) g²
//	s = rate · √(1-β₂ᵗ)/(1-β₁ᵗ) / (√v + ε), clipped to final · (1 - 1/(γt+1)) .. final · (1 + 1/(γt))
//	p = p - s · m, where final = Final · rate / Base
type AdaBound struct {
	Beta1       float64 // 0 means 0.9
	Beta2       float64 // 0 means 0.999
	Epsilon     float64 // 0 means 1e-8
	Final       float64 // rate of the SGD it ends as; 0 means 0.1
	Gamma       float64 // 0 means 1e-3
	Base        float64 // the learning rate of the first step, by which a schedule scales Final too; 0 means 1e-3
	WeightDecay float64
}

// Begin implements Optimiser.
func (o AdaBound) Begin(u *Updates) func(p Parameter) graph.Value {
	beta1, beta2, epsilon := otherwise(o.Beta1, 0.9), otherwise(o.Beta2, 0.999), u.scalar(otherwise(o.Epsilon, 1e-8))
	t := u.Count()
	rate, _ := u.corrected(t, beta1, beta2)
	wide := func(v float64) graph.Value { return u.Scalar(tensor.Float64, v) }
	final := u.mul(u.cast(u.Rate, tensor.Float64), wide(otherwise(o.Final, 0.1)/otherwise(o.Base, 1e-3)))
	passed := u.mul(t, wide(otherwise(o.Gamma, 1e-3)))
	bound := func(v graph.Value) graph.Value { return u.cast(u.mul(final, v), tensor.Float32) }
	lower := bound(u.op("Sub", wide(1), u.op("Reciprocal", u.Add(passed, wide(1)))))
	upper := bound(u.Add(wide(1), u.op("Reciprocal", passed)))
	return func(p Parameter) graph.Value {
		m, v := u.moments(p, u.decayed(p, o.WeightDecay), beta1, beta2)
		each := u.op("Clip", u.op("Div", rate, u.Add(u.op("Sqrt", v), epsilon)), lower, upper)
		return u.descend(p, u.mul(each, m))
	}
}
