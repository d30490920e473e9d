package nn

import "visus/graph"

// RMSprop divides the gradient by the root of its running mean square (Tieleman and Hinton 2012), in PyTorch's form:
//
//	g = gradient + decay · p
//	v = α v + (1-α) g²
//	s = g / (√v + ε), centred g / (√(v - a²) + ε) with a = α a + (1-α) g
//	m = momentum · m + s
//	p = p - rate · m
type RMSprop struct {
	Alpha       float64 // 0 means 0.99
	Epsilon     float64 // 0 means 1e-8
	Momentum    float64
	Centred     bool
	WeightDecay float64
}

// Begin implements Optimiser.
func (o RMSprop) Begin(u *Updates) func(p Parameter) graph.Value {
	alpha, epsilon := otherwise(o.Alpha, 0.99), u.scalar(otherwise(o.Epsilon, 1e-8))
	return func(p Parameter) graph.Value {
		g := u.decayed(p, o.WeightDecay)
		v := u.Moment(p, "square", func(old graph.Value) graph.Value { return u.blend(old, u.mul(g, g), alpha) })
		if o.Centred {
			a := u.Moment(p, "mean", func(old graph.Value) graph.Value { return u.blend(old, g, alpha) })
			v = u.op("Sub", v, u.mul(a, a))
		}
		step := u.op("Div", g, u.Add(u.op("Sqrt", v), epsilon))
		if o.Momentum != 0 {
			s := step
			step = u.Moment(p, "momentum", func(old graph.Value) graph.Value { return u.Add(u.mul(old, u.scalar(o.Momentum)), s) })
		}
		return u.descend(p, u.mul(step, u.Rate))
	}
}
