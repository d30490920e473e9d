package traced

import (
	"slices"

	"visus/eager"
)

// Inverse inverts [..., n, n], in float64 as eager/slices does; running it on a singular matrix is an error. The graph has about 25 nodes a row.
func (t *Tensor) Inverse() *Tensor {
	if err := t.square("inv"); err != nil {
		return t.Fail(err)
	}
	if eager.Size(t.shape) == 0 {
		return t
	}
	inverse := t.aside(func() *Tensor {
		inverse, sign, _ := eager.Eliminate(t)
		return eager.Mul(inverse, t.sure(eager.EqualScalar(sign, 0)).Cast(eager.Float64)).Cast(t.dtype).Reshape(t.shape)
	})
	return t.custom([]*Tensor{t}, inverse, func(_ []*Tensor, y, g *Tensor) []*Tensor {
		turned := y.Transpose(turn(len(y.shape)))
		left := turned.op("MatMul", []*Tensor{turned, g})
		return []*Tensor{eager.Neg(left.op("MatMul", []*Tensor{left, turned}))}
	})
}

// SlogDet returns sign and log of the absolute determinant of [..., n, n]; a singular matrix has 0 and -Inf.
func (t *Tensor) SlogDet() (sign, logAbs *Tensor) {
	if err := t.square("slogdet"); err != nil {
		return t.Fail(err), t.Fail(err)
	}
	batch := t.shape[:len(t.shape)-2]
	if eager.Size(t.shape) == 0 {
		return t.Full(t.dtype, 1, batch), t.Full(t.dtype, 0, batch)
	}
	logAbs = t.aside(func() *Tensor {
		_, s, l := eager.Eliminate(t)
		sign = t.step(s.Cast(t.dtype).Reshape(batch))
		return l.Cast(t.dtype).Reshape(batch)
	})
	return sign, t.custom([]*Tensor{t}, logAbs, func(xs []*Tensor, _, g *Tensor) []*Tensor {
		inverse := xs[0].Inverse()
		return []*Tensor{eager.Mul(inverse.Transpose(turn(len(t.shape))), g.Reshape(slices.Concat(batch, []int{1, 1})))}
	})
}

func (t *Tensor) square(op string) error {
	if bad := first(t); bad != nil {
		return bad.err
	}
	rank := len(t.shape)
	if rank < 2 || t.shape[rank-1] != t.shape[rank-2] || !t.dtype.Float() {
		return eager.Errorf(op, eager.ErrShape, "expected floats [..., n, n], found %v%v", t.dtype, t.shape)
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

// sure is an Int64 1; where an element of the mask is true it takes an element that is not there, so that the run fails: graphs have no errors.
func (t *Tensor) sure(bad *Tensor) *Tensor {
	one := t.FromFlat(eager.Int64, []float64{1}, []int{1})
	if eager.Size(bad.shape) == 0 {
		return one.Reshape(nil)
	}
	axes := make([]int, len(bad.shape))
	for i := range axes {
		axes[i] = i
	}
	return one.Gather(0, bad.Reduce(eager.OpAny, axes, false).Cast(eager.Int64))
}
