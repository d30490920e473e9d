package nn

import "visus/graph"

// SGD is stochastic gradient descent in PyTorch's form, without dampening:
//
//	g = gradient + decay · p
//	m = momentum · m + g
//	p = p - rate · m, with Nesterov p - rate · (g + momentum · m)
type SGD struct {
	Momentum    float64 // 0: none is kept
	Nesterov    bool
	WeightDecay float64
}

// Begin implements Optimiser.
func (o SGD) Begin(u *Updates) func(p Parameter) graph.Value {
	return func(p Parameter) graph.Value {
		g := u.decayed(p, o.WeightDecay)
		if o.Momentum == 0 {
			return u.descend(p, u.mul(g, u.Rate))
		}
		step := u.Moment(p, "momentum", func(old graph.Value) graph.Value { return u.Add(u.mul(old, u.scalar(o.Momentum)), g) })
		if o.Nesterov {
			step = u.Add(g, u.mul(step, u.scalar(o.Momentum)))
		}
		return u.descend(p, u.mul(step, u.Rate))
	}
}
