package nn

import (
	"math"

	"visus/graph"
)

// Linear says how a linear layer is made.
type Linear struct {
	NoBias       bool
	Weight, Bias Initialiser // nil: PyTorch's default, U(±1/√in)
}

// Linear is y = x·Wᵀ + b over the last axis of x [..., in]: weight [out, in], bias [out].
func (n *Net) Linear(name string, x graph.Value, out int, o Linear) graph.Value {
	rank, ok := n.rank("Linear", x, 2, 8)
	if !ok {
		return graph.Value{}
	}
	in, ok := n.width("Linear", x, rank-1)
	if !ok {
		return graph.Value{}
	}
	l := n.In(name)
	weight := l.Parameter("weight", o.Weight.or(pytorch()), out, in)
	bias := l.bias(o.NoBias, o.Bias, in, out)
	if rank == 2 {
		return l.Gemm(x, weight, bias)
	}
	y := l.op("MatMul", x, l.Op("Transpose", []graph.Value{weight}, graph.Attribute{Name: "perm", Value: []int64{1, 0}}))
	if o.NoBias {
		return y
	}
	return l.Add(y, bias)
}

// bias is a layer's bias [out], by default U(±1/√fan), a zero Value where there is none.
func (n *Net) bias(none bool, draw Initialiser, fan, out int) graph.Value {
	if none {
		return graph.Value{}
	}
	return n.Parameter("bias", draw.or(Uniform(1/math.Sqrt(float64(fan)))), out)
}
