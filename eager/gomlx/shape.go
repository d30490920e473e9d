package gomlx

import (
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"

	"visus/eager"
)

// Reshape gives t another shape of as many elements.
func (t *Tensor) Reshape(shape []int) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	if err := eager.CheckShape("reshape", shape, eager.Size(t.Shape())); err != nil {
		return failed(err)
	}
	if slices.Equal(shape, t.Shape()) {
		return t
	}
	return t.build("reshape", func() *graph.Node { return graph.Reshape(t.node, shape...) })
}

// Transpose permutes the axes.
func (t *Tensor) Transpose(axes []int) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	if _, err := eager.TransposeShape(t.Shape(), axes); err != nil {
		return failed(err)
	}
	if slices.IsSorted(axes) {
		return t
	}
	return t.build("transpose", func() *graph.Node { return graph.TransposeAllAxes(t.node, axes...) })
}

// BroadcastTo repeats axes of size 1.
func (t *Tensor) BroadcastTo(shape []int) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	if slices.Equal(t.Shape(), shape) {
		return t
	}
	if err := eager.BroadcastTo(t.Shape(), shape); err != nil {
		return failed(err)
	}
	x := t.ranked(len(shape))
	return x.build("broadcast", func() *graph.Node { return graph.BroadcastToDims(x.node, shape...) })
}

// Slice selects a range on each axis. Steps other than 1 are gathered: GoMLX's engines do not all have them.
func (t *Tensor) Slice(ranges []eager.Range) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	shape, err := eager.SliceShape(t.Shape(), ranges)
	if err != nil {
		return failed(err)
	}
	if eager.Size(shape) == 0 {
		return t.Full(t.dtype, 0, shape)
	}
	x, specs, paddings := t, make([]graph.SliceAxisSpec, len(ranges)), make([][2]int, len(ranges))
	for axis, r := range ranges {
		n := t.Shape()[axis]
		if r.Step != 1 {
			x = x.take(axis, t.Arange(r.Start, r.Start+shape[axis]*r.Step, r.Step))
			specs[axis] = graph.AxisRange()
			continue
		}
		stop := r.Start + shape[axis]
		specs[axis], paddings[axis] = graph.AxisRange(r.Start, stop), [2]int{r.Start, n - stop}
	}
	if slices.Equal(x.Shape(), shape) {
		return x
	}
	y := x.build("slice", func() *graph.Node { return graph.Slice(x.node, specs...) })
	return t.custom([]*Tensor{x}, y, func(_ []*Tensor, _, g *Tensor) []*Tensor { return []*Tensor{g.Pad(paddings, 0)} })
}

// Concat joins tensors that differ only on the axis.
func (t *Tensor) Concat(axis int, others []*Tensor) *Tensor {
	all := append([]*Tensor{t}, others...)
	if bad := first(all...); bad != nil {
		return bad
	}
	shapes := make([][]int, len(others))
	for i, x := range others {
		if err := eager.CheckTypes("concatenate", t.dtype, x.dtype); err != nil {
			return failed(err)
		}
		shapes[i] = x.Shape()
	}
	shape, err := eager.ConcatShape(axis, t.Shape(), shapes...)
	if err != nil {
		return failed(err)
	}
	nodes := []*graph.Node{}
	for _, x := range all {
		if eager.Size(x.Shape()) > 0 {
			nodes = append(nodes, x.node)
		}
	}
	if len(nodes) == 0 {
		return t.Full(t.dtype, 0, shape)
	}
	return t.build("concatenate", func() *graph.Node { return graph.Concatenate(nodes, axis) })
}

// Pad puts value around t, by concatenation: not all of GoMLX's engines have it.
func (t *Tensor) Pad(paddings [][2]int, value float64) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	if _, err := eager.PadShape(t.Shape(), paddings); err != nil {
		return failed(err)
	}
	out := t
	for axis, p := range paddings {
		if p == [2]int{} {
			continue
		}
		side := func(n int) *Tensor {
			shape := slices.Clone(out.Shape())
			shape[axis] = n
			return t.Full(t.dtype, value, shape)
		}
		out = side(p[0]).Concat(axis, []*Tensor{out, side(p[1])})
	}
	return out
}

// Gather replaces an axis by what index selects of it; negative positions count from the end. Running one out of range is an error.
func (t *Tensor) Gather(axis int, index *Tensor) *Tensor {
	if bad := first(t, index); bad != nil {
		return bad
	}
	if err := eager.CheckAxes("gather", t.Shape(), axis); err != nil {
		return failed(err)
	}
	if index.dtype != eager.Int64 {
		return failed(eager.Errorf("gather", eager.ErrDType, "expected int64 indices, found %v", index.dtype))
	}
	return t.take(axis, index.within("gather", t.Shape()[axis]))
}

// within makes negative positions positive. Those out of range make runs errors, and are 0 until then: GoMLX's Go engine would read the
// nearest, and panic where it writes.
func (t *Tensor) within(op string, n int) *Tensor {
	outside := eager.Or(eager.GreaterEqualScalar(t, float64(n)), eager.LessScalar(t, -float64(n)))
	t.fails(outside, eager.Errorf(op, eager.ErrIndex, "expected positions within %d elements", n))
	inside := outside.choose(eager.Scalar(t, 0), t)
	return eager.LessScalar(inside, 0).choose(eager.AddScalar(inside, float64(n)), inside)
}

// take is Gather for positions in range.
func (t *Tensor) take(axis int, index *Tensor) *Tensor {
	if bad := first(t, index); bad != nil {
		return bad
	}
	shape, at := t.Shape(), index.Shape()
	if eager.Size(at) == 0 || eager.Size(shape) == 0 {
		return t.Full(t.dtype, 0, slices.Concat(shape[:axis], at, shape[axis+1:]))
	}
	front, back := []int{axis}, []int{} // GoMLX gathers from the first axis and puts those of the index first
	for i := range shape {
		if i != axis {
			front = append(front, i)
		}
	}
	for i := range len(shape) - 1 + len(at) {
		switch {
		case i < axis:
			back = append(back, len(at)+i)
		case i < axis+len(at):
			back = append(back, i-axis)
		default:
			back = append(back, i)
		}
	}
	moved := t.Transpose(front)
	places := index.Reshape([]int{eager.Size(at), 1})
	rest := slices.Concat(shape[:axis], shape[axis+1:])
	if bad := first(moved, places); bad != nil {
		return bad
	}
	taken := moved.build("gather", func() *graph.Node { return graph.Gather(moved.node, places.node) })
	return taken.Reshape(slices.Concat(at, rest)).Transpose(back)
}

// ScatterSet returns t with positions of the flattened tensor replaced; the last of duplicates wins. Running one out of range is an error.
func (t *Tensor) ScatterSet(index, v *Tensor) *Tensor {
	if bad := first(t, index, v); bad != nil {
		return bad
	}
	if index.dtype != eager.Int64 {
		return failed(eager.Errorf("index_update", eager.ErrDType, "expected int64 indices, found %v", index.dtype))
	}
	n, size := eager.Size(index.Shape()), eager.Size(t.Shape())
	if v.dtype != t.dtype || eager.Size(v.Shape()) != n {
		return failed(eager.Errorf("index_update", eager.ErrShape, "expected %d values of %v, found %v%v", n, t.dtype, v.dtype, v.Shape()))
	}
	if n == 0 {
		return t
	}
	at := index.within("index_update", size).Reshape([]int{n, 1})
	writer, order := t.Full(eager.Int64, -1, []int{size}), t.Arange(0, n, 1)
	if bad := first(t, at, writer, order); bad != nil {
		return bad
	}
	writer = t.build("index_update", func() *graph.Node { return graph.ScatterMax(writer.node, at.node, order.node, false, false) })
	written := v.Reshape([]int{n}).take(0, eager.MaximumScalar(writer, 0))
	return eager.GreaterEqualScalar(writer, 0).choose(written, t.Reshape([]int{size})).Reshape(t.Shape())
}

// MatMul multiplies two matrices.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	shape, err := eager.MatMulShape(t.Shape(), y.Shape())
	if err != nil {
		return failed(err)
	}
	if t.dtype != y.dtype || !t.dtype.Float() {
		return failed(eager.Errorf("matmul", eager.ErrDType, "expected floats of one type, found %v and %v", t.dtype, y.dtype))
	}
	if eager.Size(t.Shape()) == 0 || eager.Size(y.Shape()) == 0 {
		return t.Full(t.dtype, 0, shape)
	}
	return t.product(y)
}

// product multiplies stacks of matrices [..., n, k] and [..., k, m].
func (t *Tensor) product(y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	rank := len(t.Shape())
	stack := make([]int, rank-2)
	for i := range stack {
		stack[i] = i
	}
	return t.build("matmul", func() *graph.Node {
		return graph.DotGeneral(t.node, []int{rank - 1}, stack, y.node, []int{rank - 2}, stack)
	})
}

// Inverse inverts [..., n, n], in float64 as eager/slices does; running it on a singular matrix is an error.
func (t *Tensor) Inverse() *Tensor {
	if err := t.square("inv"); err != nil {
		return t.Fail(err)
	}
	if eager.Size(t.Shape()) == 0 {
		return t
	}
	inverse := t.aside(func() *Tensor {
		inverse, sign, _ := eager.Eliminate(t)
		if sign.err != nil {
			return sign
		}
		t.fails(eager.EqualScalar(sign, 0), eager.Errorf("inv", eager.ErrEngine, "expected invertible matrices, found a singular one"))
		return inverse.Cast(t.dtype).Reshape(t.Shape())
	})
	return t.custom([]*Tensor{t}, inverse, func(_ []*Tensor, y, g *Tensor) []*Tensor {
		turned := y.Transpose(turn(len(t.Shape())))
		return []*Tensor{eager.Neg(turned.product(g).product(turned))}
	})
}

// SlogDet returns sign and log of the absolute determinant of [..., n, n]; a singular matrix has 0 and -Inf.
func (t *Tensor) SlogDet() (sign, logAbs *Tensor) {
	if err := t.square("slogdet"); err != nil {
		return t.Fail(err), t.Fail(err)
	}
	batch := t.Shape()[:len(t.Shape())-2]
	if eager.Size(t.Shape()) == 0 {
		return t.Full(t.dtype, 1, batch), t.Full(t.dtype, 0, batch)
	}
	logAbs = t.aside(func() *Tensor {
		_, s, l := eager.Eliminate(t)
		sign = s.Cast(t.dtype).Reshape(batch)
		return l.Cast(t.dtype).Reshape(batch)
	})
	if bad := first(sign, logAbs); bad != nil {
		return bad, bad
	}
	return t.step(sign), t.custom([]*Tensor{t}, logAbs, func(xs []*Tensor, _, g *Tensor) []*Tensor {
		return []*Tensor{eager.Mul(xs[0].Inverse().Transpose(turn(len(t.Shape()))), g.Reshape(slices.Concat(batch, []int{1, 1})))}
	})
}

func (t *Tensor) square(op string) error {
	if bad := first(t); bad != nil {
		return bad.err
	}
	shape := t.Shape()
	rank := len(shape)
	if rank < 2 || shape[rank-1] != shape[rank-2] || !t.dtype.Float() {
		return eager.Errorf(op, eager.ErrShape, "expected floats [..., n, n], found %v%v", t.dtype, shape)
	}
	return nil
}

// turn swaps the last two of the axes.
func turn(rank int) []int {
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	axes[rank-1], axes[rank-2] = rank-2, rank-1
	return axes
}
