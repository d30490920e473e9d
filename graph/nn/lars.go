package nn

import "visus/graph"

// LARS scales the rate of each parameter to its norm (You et al. 2017, in the form of SimCLR's repository):
//
//	g = gradient + decay · p
//	trust = Trust · ‖p‖ / ‖g‖, 1 where a norm is 0
//	m = momentum · m + rate · trust · g
//	p = p - m
//
// Exempt parameters have no decay and a trust of 1; SimCLR exempts Vectors.
type LARS struct {
	Momentum    float64 // 0 means 0.9
	Trust       float64 // 0 means 0.001
	WeightDecay float64
}

// Begin implements Optimiser.
func (o LARS) Begin(u *Updates) func(p Parameter) graph.Value {
	momentum := u.scalar(otherwise(o.Momentum, 0.9))
	return func(p Parameter) graph.Value {
		g, rate := u.decayed(p, o.WeightDecay), u.Rate
		if !p.Exempt {
			rate = u.mul(rate, o.trust(u, p.Value, g))
		}
		step := u.Moment(p, "momentum", func(old graph.Value) graph.Value { return u.Add(u.mul(old, momentum), u.mul(g, rate)) })
		return u.descend(p, step)
	}
}

func (o LARS) trust(u *Updates, p, g graph.Value) graph.Value {
	norm, slope := u.op("Sqrt", u.squares(p)), u.op("Sqrt", u.squares(g))
	both := u.op("Greater", u.op("Min", norm, slope), u.scalar(0))
	ratio := u.op("Div", u.mul(norm, u.scalar(otherwise(o.Trust, 0.001))), slope)
	return u.op("Where", both, ratio, u.scalar(1))
}
