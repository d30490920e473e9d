package nn

import (
	"visus/graph"
	"visus/tensor"
)

// Adam follows running means of the gradient and of its square (Kingma and Ba 2015). With t the number of the step, from 1:
//
//	g = gradient + decay · p
//	m = β₁ m + (1-β₁) g,  v = β₂ v + (1-β₂) g²
//	p = p - rate · (m / (1-β₁ᵗ)) / (√(v / (1-β₂ᵗ)) + ε)
//
// That is algorithm 1 of the paper, and PyTorch's form. EpsilonHat is the form of the end of its section 2, and TensorFlow's, in which ε
// is not corrected: p - rate · √(1-β₂ᵗ)/(1-β₁ᵗ) · m / (√v + ε). Decoupled is AdamW (Loshchilov and Hutter 2019) as PyTorch has it: the
// decay does not enter g; p is first multiplied by 1 - rate · decay.
type Adam struct {
	Beta1       float64 // 0 means 0.9
	Beta2       float64 // 0 means 0.999
	Epsilon     float64 // 0 means 1e-8
	EpsilonHat  bool
	WeightDecay float64
	Decoupled   bool
}

// Begin implements Optimiser.
func (o Adam) Begin(u *Updates) func(p Parameter) graph.Value {
	beta1, beta2, epsilon := otherwise(o.Beta1, 0.9), otherwise(o.Beta2, 0.999), u.scalar(otherwise(o.Epsilon, 1e-8))
	rate, root := u.corrected(u.Count(), beta1, beta2)
	if !o.EpsilonHat { // both sides of the fraction times √(1-β₂ᵗ)
		epsilon = u.mul(epsilon, root)
	}
	shrink := graph.Value{}
	if o.Decoupled && o.WeightDecay != 0 {
		shrink = u.op("Sub", u.scalar(1), u.mul(u.Rate, u.scalar(o.WeightDecay)))
	}
	return func(p Parameter) graph.Value {
		g := p.Gradient
		if !o.Decoupled {
			g = u.decayed(p, o.WeightDecay)
		}
		m, v := u.moments(p, g, beta1, beta2)
		step := u.op("Div", u.mul(m, rate), u.Add(u.op("Sqrt", v), epsilon))
		if shrink.Name != "" && !p.Exempt {
			p.Value = u.mul(p.Value, shrink)
		}
		return u.descend(p, step)
	}
}

// moments are the running means of g and g².
func (u *Updates) moments(p Parameter, g graph.Value, beta1, beta2 float64) (m, v graph.Value) {
	m = u.Moment(p, "mean", func(old graph.Value) graph.Value { return u.blend(old, g, beta1) })
	v = u.Moment(p, "square", func(old graph.Value) graph.Value { return u.blend(old, u.mul(g, g), beta2) })
	return m, v
}

// corrected returns, at step t, rate · √(1-β₂ᵗ)/(1-β₁ᵗ) and √(1-β₂ᵗ), computed in float64: in float32 1-0.999 alone is wrong by 2e-5 of itself.
func (u *Updates) corrected(t graph.Value, beta1, beta2 float64) (rate, root graph.Value) {
	rest := func(beta float64) graph.Value {
		return u.op("Sub", u.Scalar(tensor.Float64, 1), u.op("Pow", u.Scalar(tensor.Float64, beta), t))
	}
	wide := u.op("Sqrt", rest(beta2))
	rate = u.mul(u.cast(u.Rate, tensor.Float64), u.op("Div", wide, rest(beta1)))
	return u.cast(rate, tensor.Float32), u.cast(wide, tensor.Float32)
}
