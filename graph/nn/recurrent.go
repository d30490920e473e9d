package nn

import (
	"math"

	"visus/graph"
)

// GRUCell is one step of a gated recurrent unit (Cho et al. 2014) as PyTorch writes it. x is [batch, in], the state h [batch, hidden];
// it returns the next state:
//
//	r = σ(W_ir x + b_ir + W_hr h + b_hr)
//	z = σ(W_iz x + b_iz + W_hz h + b_hz)
//	c = tanh(W_ic x + b_ic + r · (W_hc h + b_hc))
//	h' = (1 - z) · c + z · h
//
// Parameters, U(±1/√hidden): weight_ih [3·hidden, in], weight_hh [3·hidden, hidden], bias_ih, bias_hh, each in the order r, z, c.
func (n *Net) GRUCell(name string, x, h graph.Value) graph.Value {
	hidden, ok := n.width("GRUCell", h, 1)
	if !ok {
		return graph.Value{}
	}
	l := n.In(name)
	i, s := l.gates(x, h, 3, hidden)
	reset := l.op("Sigmoid", l.Add(i[0], s[0]))
	keep := l.op("Sigmoid", l.Add(i[1], s[1]))
	candidate := l.op("Tanh", l.Add(i[2], l.op("Mul", reset, s[2])))
	return l.Add(candidate, l.op("Mul", keep, l.op("Sub", h, candidate)))
}

// LSTMCell is one step of a long short-term memory (Hochreiter and Schmidhuber 1997) as PyTorch writes it. x is [batch, in], the state h
// and the cell c are [batch, hidden]; it returns the next of both:
//
//	i, f, o = σ(W x + b + U h + d), g = tanh(W x + b + U h + d), each with its own rows
//	c' = f · c + i · g
//	h' = o · tanh(c')
//
// Parameters, U(±1/√hidden): weight_ih [4·hidden, in], weight_hh [4·hidden, hidden], bias_ih, bias_hh, each in the order i, f, g, o.
func (n *Net) LSTMCell(name string, x, h, c graph.Value) (nextH, nextC graph.Value) {
	hidden, ok := n.width("LSTMCell", h, 1)
	if !ok {
		return graph.Value{}, graph.Value{}
	}
	l := n.In(name)
	i, s := l.gates(x, h, 4, hidden)
	gate := func(k int, activation string) graph.Value { return l.op(activation, l.Add(i[k], s[k])) }
	nextC = l.Add(l.op("Mul", gate(1, "Sigmoid"), c), l.op("Mul", gate(0, "Sigmoid"), gate(2, "Tanh")))
	return l.op("Mul", gate(3, "Sigmoid"), l.op("Tanh", nextC)), nextC
}

// gates returns what input and state give to each of a cell's gates.
func (n *Net) gates(x, h graph.Value, count, hidden int) (fromInput, fromState []graph.Value) {
	in, ok := n.width("cell", x, 1)
	if !ok {
		return make([]graph.Value, count), make([]graph.Value, count)
	}
	draw := Uniform(1 / math.Sqrt(float64(hidden)))
	split := func(v, weight, bias graph.Value) []graph.Value {
		return n.Ops("Split", count, []graph.Value{n.Gemm(v, weight, bias), n.Ints(repeat(hidden, count)...)}, graph.Attribute{Name: "axis", Value: int64(1)})
	}
	fromInput = split(x, n.Parameter("weight_ih", draw, count*hidden, in), n.Parameter("bias_ih", draw, count*hidden))
	fromState = split(h, n.Parameter("weight_hh", draw, count*hidden, hidden), n.Parameter("bias_hh", draw, count*hidden))
	return fromInput, fromState
}
