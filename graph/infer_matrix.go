package graph

import (
	"errors"
	"fmt"
	"slices"

	"visus/tensor"
)

var matrixRules = map[string]rule{
	"MatMul": inferMatMul, "MatMulInteger": inferMatMulInteger, "QLinearMatMul": inferQLinearMatMul, "Gemm": inferGemm, "Einsum": inferEinsum,
	"ReduceSum": inferReduce, "ReduceMean": inferReduce, "ReduceMax": inferReduce, "ReduceMin": inferReduce, "ReduceProd": inferReduce,
	"ReduceL1": inferReduce, "ReduceL2": inferReduce, "ReduceSumSquare": inferReduce, "ReduceLogSum": inferReduce, "ReduceLogSumExp": inferReduce,
	"ArgMax": inferArg, "ArgMin": inferArg, "TopK": inferTopK, "Attention": inferAttention,
	"SoftmaxCrossEntropyLoss": inferCrossEntropy, "NegativeLogLikelihoodLoss": inferCrossEntropy,
	"RNN": inferRecurrent, "GRU": inferRecurrent, "LSTM": inferRecurrent,
}

func inferMatMul(c *call) error {
	return inferProduct(c, c.arg(0), c.arg(1), c.arg(0).kind)
}

func inferMatMulInteger(c *call) error {
	return inferProduct(c, c.arg(0), c.arg(1), tensor.Int32)
}

func inferQLinearMatMul(c *call) error {
	return inferProduct(c, c.arg(0), c.arg(3), c.arg(7).kind)
}

// inferProduct is NumPy's matmul: vectors gain an axis that the result loses, leading axes broadcast.
func inferProduct(c *call, x, y fact, kind tensor.Type) error {
	c.set(0, kind, nil)
	if x.shape == nil || y.shape == nil {
		return nil
	}
	a, b := x.shape, y.shape
	if len(a) == 0 || len(b) == 0 {
		return fmt.Errorf("%v and %v; a scalar has no matrix product", a, b)
	}
	if len(a) == 1 {
		a = []Dim{{Size: 1}, a[0]}
	}
	if len(b) == 1 {
		b = []Dim{b[0], {Size: 1}}
	}
	m, n := len(a)-2, len(b)-2
	if _, ok := agree(a[m+1], b[n]); !ok {
		return fmt.Errorf("%v and %v have no matrix product", x.shape, y.shape)
	}
	shape, err := broadcastDims(append([]Dim{}, a[:m]...), append([]Dim{}, b[:n]...))
	if err != nil {
		return err
	}
	if len(x.shape) > 1 {
		shape = append(shape, a[m])
	}
	if len(y.shape) > 1 {
		shape = append(shape, b[n+1])
	}
	c.set(0, kind, shape)
	return nil
}

func inferGemm(c *call) error {
	c.set(0, c.arg(0).kind, unknownDims(2))
	a, b := c.arg(0).shape, c.arg(1).shape
	if a == nil || b == nil {
		return nil
	}
	if len(a) != 2 || len(b) != 2 {
		return fmt.Errorf("%v and %v; expected two matrices", a, b)
	}
	if c.Int("transA", 0) != 0 {
		a = []Dim{a[1], a[0]}
	}
	if c.Int("transB", 0) != 0 {
		b = []Dim{b[1], b[0]}
	}
	if _, ok := agree(a[1], b[0]); !ok {
		return fmt.Errorf("%v times %v: the inner dimensions differ", a, b)
	}
	c.set(0, c.arg(0).kind, []Dim{a[0], b[1]})
	return nil
}

// inferEinsum reads the equation; without the inputs' ranks it says nothing.
func inferEinsum(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	ranks := make([]int, len(c.facts))
	for i, f := range c.facts {
		n, ok := f.rank()
		if !ok {
			return nil
		}
		ranks[i] = n
	}
	equation := c.Text("equation", "")
	terms, output, err := EinsumTerms(equation, ranks)
	if err != nil {
		return err
	}
	dims := map[rune]Dim{}
	for i, term := range terms {
		for k, axis := range term {
			d := c.facts[i].shape[k]
			if old, ok := dims[axis]; ok {
				if d, ok = meet(old, d); !ok {
					return fmt.Errorf("equation %q: axis %c has two sizes", equation, axis)
				}
			}
			dims[axis] = d
		}
	}
	shape := make([]Dim, len(output))
	for i, axis := range output {
		shape[i] = dims[axis]
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func inferReduce(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	axes, ok := c.ints("axes", 1)
	if c.arg(0).shape == nil {
		return nil
	}
	keep := c.Int("keepdims", 1) != 0
	if !ok {
		if keep {
			c.set(0, c.arg(0).kind, unknownDims(len(c.arg(0).shape)))
		}
		return nil
	}
	if len(axes) == 0 && c.Int("noop_with_empty_axes", 0) != 0 {
		c.set(0, c.arg(0).kind, c.arg(0).shape)
		return nil
	}
	shape, err := reduce(c.arg(0).shape, axes, keep)
	c.set(0, c.arg(0).kind, shape)
	return err
}

// reduce takes out the axes (all where there are none), or leaves them with size 1.
func reduce(shape []Dim, axes []int64, keep bool) ([]Dim, error) {
	gone := make([]bool, len(shape))
	for i := range gone {
		gone[i] = len(axes) == 0
	}
	for _, a := range axes {
		axis, ok := axisOf(a, len(shape))
		if !ok {
			return nil, fmt.Errorf("axis %d is outside the input's rank %d", a, len(shape))
		}
		gone[axis] = true
	}
	out := []Dim{}
	for i, d := range shape {
		switch {
		case !gone[i]:
			out = append(out, d)
		case keep:
			out = append(out, Dim{Size: 1})
		}
	}
	return out, nil
}

func inferArg(c *call) error {
	c.set(0, tensor.Int64, nil)
	if c.arg(0).shape == nil {
		return nil
	}
	shape, err := reduce(c.arg(0).shape, []int64{c.Int("axis", 0)}, c.Int("keepdims", 1) != 0)
	c.set(0, tensor.Int64, shape)
	return err
}

func inferTopK(c *call) error {
	shape := slices.Clone(c.arg(0).shape)
	if shape != nil {
		axis, ok := axisOf(c.Int("axis", -1), len(shape))
		if !ok {
			return fmt.Errorf("axis %d is outside the input's rank %d", c.Int("axis", -1), len(shape))
		}
		shape[axis] = free
		if k := c.Int("k", -1); k >= 0 {
			shape[axis] = Dim{Size: int(k)}
		} else if v, ok := c.evaluation.arg(1).list(); ok && len(v) == 1 {
			shape[axis] = Dim{Size: max(int(v[0]), -1)}
		}
	}
	c.set(0, c.arg(0).kind, shape)
	c.set(1, tensor.Int64, shape)
	return nil
}

// inferCrossEntropy: the loss is a scalar, or one number a label without reduction.
func inferCrossEntropy(c *call) error {
	shape := []Dim{}
	if c.Text("reduction", "mean") == "none" {
		shape = c.arg(1).shape
	}
	c.set(0, c.arg(0).kind, shape)
	c.set(1, c.arg(0).kind, c.arg(0).shape)
	return nil
}

// inferAttention: queries [N,heads,L,E] or [N,L,heads·E], values alike; the output has the queries' length and the values' width.
func inferAttention(c *call) error {
	q, v := c.arg(0).shape, c.arg(2).shape
	c.set(0, c.arg(0).kind, nil)
	if q == nil || v == nil {
		return nil
	}
	shape := slices.Clone(q)
	switch {
	case len(q) == 4 && len(v) == 4:
		shape[3] = v[3]
	case len(q) == 3 && len(v) == 3:
		heads, groups := int(c.Int("q_num_heads", 0)), int(c.Int("kv_num_heads", 0))
		if heads < 1 || groups < 1 {
			return errors.New("inputs of rank 3 need q_num_heads and kv_num_heads")
		}
		shape[2] = through(v[2], func(size int) int { return size / groups * heads })
	default:
		return fmt.Errorf("queries %v and values %v; expected both of rank 3 or 4", q, v)
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

// inferRecurrent: x [L,N,C] and recurrent weights [directions,...,H] (layout 0) give y [L,directions,N,H] and the last state [directions,N,H].
func inferRecurrent(c *call) error {
	x, r := c.arg(0).shape, c.arg(2).shape
	if x == nil || r == nil {
		return nil
	}
	if len(x) != 3 || len(r) != 3 {
		return fmt.Errorf("input %v and recurrent weights %v; expected rank 3", x, r)
	}
	length, batch, directions, hidden := x[0], x[1], r[0], r[2]
	kind := c.arg(0).kind
	if c.Int("layout", 0) != 0 {
		length, batch = x[1], x[0]
		c.set(0, kind, []Dim{batch, length, directions, hidden})
		c.set(1, kind, []Dim{batch, directions, hidden})
		c.set(2, kind, []Dim{batch, directions, hidden})
		return nil
	}
	c.set(0, kind, []Dim{length, directions, batch, hidden})
	c.set(1, kind, []Dim{directions, batch, hidden})
	c.set(2, kind, []Dim{directions, batch, hidden})
	return nil
}
