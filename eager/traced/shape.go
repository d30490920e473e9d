package traced

import (
	"math"
	"slices"

	"visus/eager"
)

// Reshape gives t another shape of as many elements.
func (t *Tensor) Reshape(shape []int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckShape("reshape", shape, eager.Size(t.shape)); err != nil {
		return failed(err)
	}
	return t.with("Reshape", [][]int{shape}, attr("allowzero", int64(1)))
}

// Transpose permutes the axes.
func (t *Tensor) Transpose(axes []int) *Tensor {
	if t.err != nil {
		return t
	}
	if _, err := eager.TransposeShape(t.shape, axes); err != nil {
		return failed(err)
	}
	perm := make([]int64, len(axes))
	for i, axis := range axes {
		perm[i] = int64(axis)
	}
	return t.op("Transpose", []*Tensor{t}, attr("perm", perm))
}

// BroadcastTo repeats axes of size 1.
func (t *Tensor) BroadcastTo(shape []int) *Tensor {
	if t.err != nil || slices.Equal(t.shape, shape) {
		return t
	}
	if err := eager.BroadcastTo(t.shape, shape); err != nil {
		return failed(err)
	}
	return t.with("Expand", [][]int{shape})
}

// Slice selects a range on each axis.
func (t *Tensor) Slice(ranges []eager.Range) *Tensor {
	if t.err != nil {
		return t
	}
	if _, err := eager.SliceShape(t.shape, ranges); err != nil {
		return failed(err)
	}
	var starts, stops, axes, steps []int
	for axis, r := range ranges {
		if r == (eager.Range{Stop: t.shape[axis], Step: 1}) {
			continue
		}
		if r.Step < 0 && r.Stop < 0 {
			r.Stop = math.MinInt32 // -1 would be the last element
		}
		starts, stops, axes, steps = append(starts, r.Start), append(stops, r.Stop), append(axes, axis), append(steps, r.Step)
	}
	if len(axes) == 0 {
		return t
	}
	return t.with("Slice", [][]int{starts, stops, axes, steps})
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
		shapes[i] = x.shape
	}
	if _, err := eager.ConcatShape(axis, t.shape, shapes...); err != nil {
		return failed(err)
	}
	return t.op("Concat", all, attr("axis", int64(axis)))
}

// Pad puts value around t.
func (t *Tensor) Pad(paddings [][2]int, value float64) *Tensor {
	if t.err != nil {
		return t
	}
	if _, err := eager.PadShape(t.shape, paddings); err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool {
		return t.Cast(eager.Int64).Pad(paddings, value).Cast(eager.Bool)
	}
	pads := make([]int, 2*len(paddings))
	for i, p := range paddings {
		pads[i], pads[i+len(paddings)] = p[0], p[1]
	}
	return t.op("Pad", []*Tensor{t, t.ints(pads), t.Full(t.dtype, value, nil)})
}

// Gather replaces an axis by what index selects of it; negative positions count from the end.
func (t *Tensor) Gather(axis int, index *Tensor) *Tensor {
	if bad := first(t, index); bad != nil {
		return bad
	}
	if err := eager.CheckAxes("gather", t.shape, axis); err != nil {
		return failed(err)
	}
	if index.dtype != eager.Int64 {
		return failed(eager.Errorf("gather", eager.ErrDType, "expected int64 indices, found %v", index.dtype))
	}
	return t.op("Gather", []*Tensor{t, index}, attr("axis", int64(axis)))
}

// ScatterSet returns t with positions of the flattened tensor replaced; the last of duplicates wins.
func (t *Tensor) ScatterSet(index, v *Tensor) *Tensor {
	if bad := first(t, index, v); bad != nil {
		return bad
	}
	if index.dtype != eager.Int64 {
		return failed(eager.Errorf("index_update", eager.ErrDType, "expected int64 indices, found %v", index.dtype))
	}
	n := eager.Size(index.shape)
	if v.dtype != t.dtype || eager.Size(v.shape) != n {
		return failed(eager.Errorf("index_update", eager.ErrShape, "expected %d values of %v, found %v%v", n, t.dtype, v.dtype, v.shape))
	}
	at := index.Reshape([]int{n})
	out := t.scatter(at, v.Reshape([]int{n}))
	if !t.dtype.Float() {
		return out
	}
	return t.custom([]*Tensor{t, v, at}, out, func(xs []*Tensor, _, g *Tensor) []*Tensor {
		return scatterGradient(xs[0], xs[1], xs[2], g)
	})
}

func (t *Tensor) scatter(at, v *Tensor) *Tensor {
	flat := t.Reshape([]int{eager.Size(t.shape)})
	return t.op("ScatterElements", []*Tensor{flat, at, v}, attr("axis", int64(0))).Reshape(t.shape)
}

// scatterGradient gives replaced elements nothing, and of duplicates all to the last.
func scatterGradient(t, v, at, g *Tensor) []*Tensor {
	n := eager.Size(v.shape)
	order := at.Arange(0, n, 1)
	owner := at.Full(eager.Int64, -1, []int{eager.Size(t.shape)}).scatter(at, order)
	last := owner.Gather(0, at).Compare(eager.OpEqual, order)
	own := g.Reshape([]int{eager.Size(t.shape)}).Gather(0, at)
	own = last.Where(own, eager.Scalar(g, 0)).Reshape(v.shape)
	kept := g.scatter(at, g.Full(g.dtype, 0, []int{n}))
	return []*Tensor{kept, own, nil}
}

// MatMul multiplies two matrices.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if bad := first(t, y); bad != nil {
		return bad
	}
	if _, err := eager.MatMulShape(t.shape, y.shape); err != nil {
		return failed(err)
	}
	if t.dtype != y.dtype || !t.dtype.Float() {
		return failed(eager.Errorf("matmul", eager.ErrDType, "expected floats of one type, found %v and %v", t.dtype, y.dtype))
	}
	return t.op("MatMul", []*Tensor{t, y})
}
