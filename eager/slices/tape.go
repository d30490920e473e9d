package slices

import (
	"math"
	"slices"
	"sync/atomic"

	"visus/eager"
)

// node is an operation on a tape. Numbers grow with time, so walking them downward meets results before what they were made of.
type node struct {
	number  int64
	inputs  []*Tensor
	reverse func(g *Tensor) []*Tensor // the gradient of each input
}

var count atomic.Int64

// record puts out on the tape where one of its inputs is on one.
func record(out *Tensor, reverse func(g *Tensor) []*Tensor, inputs ...*Tensor) *Tensor {
	if out.err != nil || !slices.ContainsFunc(inputs, func(t *Tensor) bool { return t.node != nil }) {
		return out
	}
	taped := *out
	taped.node = &node{count.Add(1), inputs, reverse}
	return &taped
}

// ValueAndGrad differentiates f at t. Second derivatives are not offered: what comes out is constant.
func (t *Tensor) ValueAndGrad(f func(x *Tensor) (loss *Tensor, aux []*Tensor)) (value *Tensor, aux []*Tensor, gradient *Tensor, err error) {
	if t.err != nil {
		return nil, nil, nil, t.err
	}
	if !t.dtype.Float() {
		return nil, nil, nil, eager.Errorf("value_and_grad", eager.ErrDType, "expected floats, found %v", t.dtype)
	}
	x := *t
	x.node = &node{number: count.Add(1)}
	loss, aux := f(&x)
	if loss.err != nil {
		return nil, nil, nil, loss.err
	}
	if loss.size != 1 {
		return nil, nil, nil, eager.Errorf("value_and_grad", eager.ErrNotScalar, "expected a loss of one element, found shape %v", loss.shape)
	}
	for i, a := range aux {
		aux[i] = a.plain()
	}
	gradient = backward(loss, x.node, t)
	return loss.plain(), aux, gradient, gradient.err
}

// backward sums the gradients of every node and returns that of the leaf; a leaf that the loss does not use has zeros.
func backward(loss *Tensor, leaf *node, t *Tensor) *Tensor {
	if loss.node == nil {
		return t.Full(t.dtype, 0, t.shape)
	}
	sums := map[*node]*Tensor{loss.node: loss.Full(loss.dtype, 1, loss.shape)}
	for _, n := range reached(loss.node) {
		g := sums[n]
		if n == leaf || g == nil || n.reverse == nil {
			continue
		}
		for i, part := range n.reverse(g) {
			to := n.inputs[i].node
			if to == nil {
				continue
			}
			if sums[to] != nil {
				part = sums[to].Binary(eager.Add, part)
			}
			sums[to] = part
		}
	}
	if sums[leaf] == nil {
		return t.Full(t.dtype, 0, t.shape)
	}
	return sums[leaf]
}

// reached lists the nodes behind n, latest first.
func reached(n *node) []*node {
	seen, open, all := map[*node]bool{n: true}, []*node{n}, []*node{}
	for len(open) > 0 {
		next := open[len(open)-1]
		open, all = open[:len(open)-1], append(all, next)
		for _, in := range next.inputs {
			if in.node != nil && !seen[in.node] {
				seen[in.node] = true
				open = append(open, in.node)
			}
		}
	}
	slices.SortFunc(all, func(a, b *node) int { return int(b.number - a.number) })
	return all
}

// sumTo reverses a broadcast.
func sumTo(g *Tensor, shape []int) *Tensor {
	if g.err != nil || slices.Equal(g.shape, shape) {
		return g
	}
	axes, shift := []int{}, len(g.shape)-len(shape)
	for i, n := range g.shape {
		if i < shift || shape[i-shift] == 1 && n != 1 {
			axes = append(axes, i)
		}
	}
	return g.Reduce(eager.Sum, axes, false).Reshape(shape)
}

// times multiplies, except that a gradient of 0 stays 0 where the slope is not finite: what a Where did not take does not leak.
func times(g, slope *Tensor) *Tensor {
	zero := eager.Scalar(g, 0)
	return g.Compare(eager.Equal, zero).Where(zero, g.Binary(eager.Mul, slope))
}

// unaryGradient is g times the slope at x, where y is the result. The slope of abs at 0 is 0; steps have none.
func unaryGradient(op eager.UnaryOp, x, y, g *Tensor) *Tensor {
	one := eager.Scalar(x, 1)
	over := func(d *Tensor) *Tensor { return one.Binary(eager.Div, d) }
	scaled := func(s float64) *Tensor { return over(x.BinaryScalar(eager.Mul, s, false)) }
	square := func(t *Tensor) *Tensor { return t.Unary(eager.Square) }
	var slope *Tensor
	switch op {
	case eager.Abs:
		slope = x.Unary(eager.Sign)
	case eager.Neg:
		return g.Unary(eager.Neg)
	case eager.Square:
		slope = x.BinaryScalar(eager.Mul, 2, false)
	case eager.Sqrt:
		slope = over(y.BinaryScalar(eager.Mul, 2, false))
	case eager.Exp:
		slope = y
	case eager.Log:
		slope = over(x)
	case eager.Log2:
		slope = scaled(math.Ln2)
	case eager.Log10:
		slope = scaled(math.Ln10)
	case eager.Log1p:
		slope = over(x.Binary(eager.Add, one))
	case eager.Sin:
		slope = x.Unary(eager.Cos)
	case eager.Cos:
		slope = x.Unary(eager.Sin).Unary(eager.Neg)
	case eager.Tan:
		slope = one.Binary(eager.Add, square(y))
	case eager.Sinh:
		slope = x.Unary(eager.Cosh)
	case eager.Cosh:
		slope = x.Unary(eager.Sinh)
	case eager.Tanh:
		slope = one.Binary(eager.Sub, square(y))
	case eager.Arcsin:
		slope = over(one.Binary(eager.Sub, square(x)).Unary(eager.Sqrt))
	case eager.Arccos:
		slope = over(one.Binary(eager.Sub, square(x)).Unary(eager.Sqrt)).Unary(eager.Neg)
	case eager.Arctan:
		slope = over(one.Binary(eager.Add, square(x)))
	case eager.Arcsinh:
		slope = over(one.Binary(eager.Add, square(x)).Unary(eager.Sqrt))
	case eager.Arccosh:
		slope = over(square(x).Binary(eager.Sub, one).Unary(eager.Sqrt))
	case eager.Arctanh:
		slope = over(one.Binary(eager.Sub, square(x)))
	default: // sign, round, ceil, floor
		return g.Full(g.dtype, 0, g.shape)
	}
	return times(g, slope)
}

// binaryGradient gives the gradients of both operands. At a tie of minimum and maximum each gets half.
func binaryGradient(op eager.BinaryOp, x, y, out, g *Tensor) []*Tensor {
	var dx, dy *Tensor
	switch op {
	case eager.Add:
		dx, dy = g, g
	case eager.Sub:
		dx, dy = g, g.Unary(eager.Neg)
	case eager.Mul:
		dx, dy = times(g, y), times(g, x)
	case eager.Div:
		dx = times(g, eager.Scalar(y, 1).Binary(eager.Div, y))
		dy = times(g, out.Binary(eager.Div, y).Unary(eager.Neg))
	case eager.Mod:
		dx, dy = g, times(g, x.Binary(eager.FloorDiv, y).Unary(eager.Neg))
	case eager.Pow:
		dx = times(g, y.Binary(eager.Mul, x.Binary(eager.Pow, y.BinaryScalar(eager.Sub, 1, false))))
		zero := x.Compare(eager.Equal, eager.Scalar(x, 0))
		dy = times(g, zero.Where(eager.Scalar(x, 0), out.Binary(eager.Mul, x.Unary(eager.Log))))
	case eager.Minimum, eager.Maximum:
		half := x.Compare(eager.Equal, y).Cast(g.dtype).BinaryScalar(eager.Mul, 0.5, false)
		better := map[bool]eager.CompareOp{true: eager.Less, false: eager.Greater}[op == eager.Minimum]
		dx = times(g, x.Compare(better, y).Cast(g.dtype).Binary(eager.Add, half))
		dy = times(g, y.Compare(better, x).Cast(g.dtype).Binary(eager.Add, half))
	default: // floor division is a step
		dx = g.Full(g.dtype, 0, g.shape)
		dy = dx
	}
	return []*Tensor{sumTo(dx, x.shape), sumTo(dy, y.shape)}
}

// reduceGradient is that of x, where out and g have axes of size 1. Ties of min and max share where all axes are reduced; along
// some axes the first takes all, as in PyTorch.
func reduceGradient(op eager.ReduceOp, x, out, g *Tensor, axes []int) *Tensor {
	wide := g.BroadcastTo(x.shape)
	switch op {
	case eager.Sum:
		return wide
	case eager.Prod:
		return times(wide, productOfOthers(x, axes))
	}
	hit := x.Compare(eager.Equal, out).Cast(g.dtype)
	if len(axes) == len(x.shape) {
		return times(wide, hit.Binary(eager.Div, hit.Reduce(eager.Sum, axes, true)))
	}
	moved := make([]int, 0, len(x.shape))
	for axis := range x.shape {
		if !slices.Contains(axes, axis) {
			moved = append(moved, axis)
		}
	}
	moved = append(moved, axes...)
	back := make([]int, len(moved))
	for i, axis := range moved {
		back[axis] = i
	}
	lines := hit.Transpose(moved)
	length, all := eager.Size(lines.shape[len(moved)-len(axes):]), []float64(nil)
	all = slices.Clone(values[float64](lines.Cast(eager.Float64)))
	for start := 0; start < len(all); start += length {
		line := all[start : start+length]
		if one := slices.Index(line, 1); one >= 0 {
			clear(line[one+1:])
		}
	}
	return times(wide, of(all, lines.shape).Cast(g.dtype).Transpose(back))
}

// productOfOthers multiplies, for each element, all the others of its line; zeros are no trouble.
func productOfOthers(x *Tensor, axes []int) *Tensor {
	own := eager.Size(x.shape)
	out := make([]float64, own)
	src := values[float64](x.Cast(eager.Float64))
	group := values[int64](groups(x, axes))
	for i := range out {
		out[i] = 1
		for j, v := range src {
			if j != i && group[i] == group[j] {
				out[i] *= v
			}
		}
	}
	return of(out, x.shape).Cast(x.dtype)
}

// groups numbers the elements that are reduced together.
func groups(x *Tensor, axes []int) *Tensor {
	shape := slices.Clone(x.shape)
	for _, axis := range axes {
		shape[axis] = 1
	}
	return x.Arange(0, eager.Size(shape), 1).Reshape(shape).BroadcastTo(x.shape)
}
