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

// VJP differentiates f at xs. Second derivatives are not offered: what pull returns is constant.
func (t *Tensor) VJP(f func(xs []*Tensor) (y *Tensor, aux []*Tensor), xs []*Tensor) (
	y *Tensor, aux []*Tensor, pull func(cotangent *Tensor) ([]*Tensor, error), err error) {
	leaves := make([]*Tensor, len(xs))
	for i, x := range xs {
		if x.err != nil {
			return nil, nil, nil, x.err
		}
		if !x.dtype.Float() {
			return nil, nil, nil, eager.Errorf("vjp", eager.ErrDType, "expected floats, found %v", x.dtype)
		}
		leaf := *x
		leaf.node = &node{number: count.Add(1)}
		leaves[i] = &leaf
	}
	out, aux := f(leaves)
	if out.err != nil {
		return nil, nil, nil, out.err
	}
	pull = func(cotangent *Tensor) ([]*Tensor, error) { return backward(out, cotangent, leaves) }
	return out.plain(), plains(aux), pull, nil
}

// CustomVJP puts f(xs) on the tape as one operation.
func (t *Tensor) CustomVJP(xs []*Tensor, f func(xs []*Tensor) *Tensor, vjp func(xs []*Tensor, y, cotangent *Tensor) []*Tensor) *Tensor {
	constants := plains(xs)
	y := f(constants).plain()
	return record(y, func(g *Tensor) []*Tensor { return vjp(constants, y, g) }, xs...)
}

func plains(tensors []*Tensor) []*Tensor {
	out := make([]*Tensor, len(tensors))
	for i, t := range tensors {
		out[i] = t.plain()
	}
	return out
}

// backward sums the gradients of every node and returns those of the leaves; what out does not depend on has zeros.
func backward(out, cotangent *Tensor, leaves []*Tensor) ([]*Tensor, error) {
	if cotangent.err != nil {
		return nil, cotangent.err
	}
	if cotangent.dtype != out.dtype || !slices.Equal(cotangent.shape, out.shape) {
		return nil, eager.Errorf("vjp", eager.ErrShape, "expected a cotangent of %v%v, found %v%v", out.dtype, out.shape, cotangent.dtype, cotangent.shape)
	}
	sums := map[*node]*Tensor{}
	if out.node != nil {
		sums[out.node] = cotangent.plain()
		for _, n := range reached(out.node) {
			if err := n.spread(sums); err != nil {
				return nil, err
			}
		}
	}
	gradients := make([]*Tensor, len(leaves))
	for i, leaf := range leaves {
		if gradients[i] = sums[leaf.node]; gradients[i] == nil {
			gradients[i] = eager.ZerosLike(leaf)
		}
		if gradients[i].err != nil {
			return nil, gradients[i].err
		}
	}
	return gradients, nil
}

// spread adds what n makes of its gradient to the gradients of its inputs.
func (n *node) spread(sums map[*node]*Tensor) error {
	g := sums[n]
	if g == nil || n.reverse == nil {
		return nil
	}
	parts := n.reverse(g)
	if len(parts) != len(n.inputs) {
		return eager.Errorf("vjp", eager.ErrShape, "expected a gradient for each of %d inputs, found %d", len(n.inputs), len(parts))
	}
	for i, part := range parts {
		in := n.inputs[i]
		if in.node == nil {
			continue
		}
		if part.err == nil && (part.dtype != in.dtype || !slices.Equal(part.shape, in.shape)) {
			return eager.Errorf("vjp", eager.ErrShape, "expected a gradient of %v%v, found %v%v", in.dtype, in.shape, part.dtype, part.shape)
		}
		if sums[in.node] != nil {
			part = sums[in.node].Binary(eager.OpAdd, part)
		}
		sums[in.node] = part
	}
	return nil
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
	return g.Reduce(eager.OpSum, axes, false).Reshape(shape)
}

// times multiplies, except that a gradient of 0 stays 0 where the slope is not finite: what a Where did not take does not leak.
func times(g, slope *Tensor) *Tensor {
	zero := eager.Scalar(g, 0)
	return g.Compare(eager.OpEqual, zero).Where(zero, g.Binary(eager.OpMul, slope))
}

// unaryGradient is g times the slope at x, where y is the result. The slope of abs at 0 is 0; steps have none.
func unaryGradient(op eager.UnaryOp, x, y, g *Tensor) *Tensor {
	one := eager.Scalar(x, 1)
	over := func(d *Tensor) *Tensor { return one.Binary(eager.OpDiv, d) }
	scaled := func(s float64) *Tensor { return over(x.BinaryScalar(eager.OpMul, s, false)) }
	square := func(t *Tensor) *Tensor { return t.Unary(eager.OpSquare) }
	var slope *Tensor
	switch op {
	case eager.OpAbs:
		slope = x.Unary(eager.OpSign)
	case eager.OpNeg:
		return g.Unary(eager.OpNeg)
	case eager.OpSquare:
		slope = x.BinaryScalar(eager.OpMul, 2, false)
	case eager.OpSqrt:
		slope = over(y.BinaryScalar(eager.OpMul, 2, false))
	case eager.OpExp:
		slope = y
	case eager.OpLog:
		slope = over(x)
	case eager.OpLog2:
		slope = scaled(math.Ln2)
	case eager.OpLog10:
		slope = scaled(math.Ln10)
	case eager.OpLog1p:
		slope = over(x.Binary(eager.OpAdd, one))
	case eager.OpSin:
		slope = x.Unary(eager.OpCos)
	case eager.OpCos:
		slope = x.Unary(eager.OpSin).Unary(eager.OpNeg)
	case eager.OpTan:
		slope = one.Binary(eager.OpAdd, square(y))
	case eager.OpSinh:
		slope = x.Unary(eager.OpCosh)
	case eager.OpCosh:
		slope = x.Unary(eager.OpSinh)
	case eager.OpTanh:
		slope = one.Binary(eager.OpSub, square(y))
	case eager.OpArcsin:
		slope = over(one.Binary(eager.OpSub, square(x)).Unary(eager.OpSqrt))
	case eager.OpArccos:
		slope = over(one.Binary(eager.OpSub, square(x)).Unary(eager.OpSqrt)).Unary(eager.OpNeg)
	case eager.OpArctan:
		slope = over(one.Binary(eager.OpAdd, square(x)))
	case eager.OpArcsinh:
		slope = over(one.Binary(eager.OpAdd, square(x)).Unary(eager.OpSqrt))
	case eager.OpArccosh:
		slope = over(square(x).Binary(eager.OpSub, one).Unary(eager.OpSqrt))
	case eager.OpArctanh:
		slope = over(one.Binary(eager.OpSub, square(x)))
	default: // sign, round, ceil, floor
		return g.Full(g.dtype, 0, g.shape)
	}
	return times(g, slope)
}

// binaryGradient gives the gradients of both operands. At a tie of minimum and maximum each gets half.
func binaryGradient(op eager.BinaryOp, x, y, out, g *Tensor) []*Tensor {
	var dx, dy *Tensor
	switch op {
	case eager.OpAdd:
		dx, dy = g, g
	case eager.OpSub:
		dx, dy = g, g.Unary(eager.OpNeg)
	case eager.OpMul:
		dx, dy = times(g, y), times(g, x)
	case eager.OpDiv:
		dx = times(g, eager.Scalar(y, 1).Binary(eager.OpDiv, y))
		dy = times(g, out.Binary(eager.OpDiv, y).Unary(eager.OpNeg))
	case eager.OpMod:
		dx, dy = g, times(g, x.Binary(eager.OpFloorDiv, y).Unary(eager.OpNeg))
	case eager.OpPow:
		dx = times(g, y.Binary(eager.OpMul, x.Binary(eager.OpPow, y.BinaryScalar(eager.OpSub, 1, false))))
		zero := x.Compare(eager.OpEqual, eager.Scalar(x, 0))
		dy = times(g, zero.Where(eager.Scalar(x, 0), out.Binary(eager.OpMul, x.Unary(eager.OpLog))))
	case eager.OpMinimum, eager.OpMaximum:
		half := x.Compare(eager.OpEqual, y).Cast(g.dtype).BinaryScalar(eager.OpMul, 0.5, false)
		better := map[bool]eager.CompareOp{true: eager.OpLess, false: eager.OpGreater}[op == eager.OpMinimum]
		dx = times(g, x.Compare(better, y).Cast(g.dtype).Binary(eager.OpAdd, half))
		dy = times(g, y.Compare(better, x).Cast(g.dtype).Binary(eager.OpAdd, half))
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
	case eager.OpSum:
		return wide
	case eager.OpProd:
		return times(wide, productOfOthers(x, axes))
	}
	hit := x.Compare(eager.OpEqual, out).Cast(g.dtype)
	if len(axes) == len(x.shape) {
		return times(wide, hit.Binary(eager.OpDiv, hit.Reduce(eager.OpSum, axes, true)))
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
