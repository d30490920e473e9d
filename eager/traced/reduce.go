package traced

import (
	"math"
	"slices"

	"visus/eager"
)

var folds = map[eager.ReduceOp]string{
	eager.OpSum: "ReduceSum", eager.OpProd: "ReduceProd", eager.OpMin: "ReduceMin", eager.OpMax: "ReduceMax", eager.OpAll: "ReduceMin",
	eager.OpAny: "ReduceMax",
}

// neutral is what folding no elements gives.
var neutral = map[eager.ReduceOp]float64{eager.OpProd: 1, eager.OpAll: 1}

// Reduce folds the axes.
func (t *Tensor) Reduce(op eager.ReduceOp, axes []int, keep bool) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.ReduceShape(op, t.shape, axes, keep)
	if err != nil {
		return failed(err)
	}
	dtype, err := eager.ReduceType(op, t.dtype)
	if err != nil {
		return failed(err)
	}
	if eager.Size(t.shape) == 0 {
		return t.Full(dtype, neutral[op], shape)
	}
	x := t
	if t.dtype == eager.Bool {
		x = t.counted()
	}
	if len(axes) == 0 {
		return x.Cast(dtype)
	}
	kept := t.aside(func() *Tensor { return x.fold(op, axes) })
	if t.dtype.Float() && op != eager.OpSum {
		kept = t.custom([]*Tensor{t}, kept, func(xs []*Tensor, y, g *Tensor) []*Tensor {
			return []*Tensor{eager.ReduceGradient(op, xs[0], y, g, axes)}
		})
	}
	return kept.Reshape(shape).Cast(dtype)
}

// counted makes a mask numbers: float32, which every engine folds, as long as it counts the elements exactly.
func (t *Tensor) counted() *Tensor {
	if eager.Size(t.shape) < 1<<24 {
		return t.Cast(eager.Float32)
	}
	return t.Cast(eager.Int64)
}

// fold keeps the axes with size 1. Engines differ at NaN, which is the smallest and the largest here.
func (t *Tensor) fold(op eager.ReduceOp, axes []int) *Tensor {
	out := t.with(folds[op], [][]int{axes})
	if !t.dtype.Float() || op < eager.OpMin {
		return out
	}
	any := t.op("IsNaN", []*Tensor{t}).Cast(eager.Float32).with("ReduceMax", [][]int{axes}).Cast(eager.Bool)
	return any.choose(eager.Scalar(t, math.NaN()), out)
}

// ArgReduce returns the first position of the extreme; NaN counts as the extreme.
func (t *Tensor) ArgReduce(op eager.ReduceOp, axis int, keep bool) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.ReduceShape(op, t.shape, []int{axis}, keep)
	if err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool || op != eager.OpMin && op != eager.OpMax {
		return failed(eager.Errorf("arg"+op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	extreme := t.fold(op, []int{axis})
	hit := t.op("Equal", []*Tensor{t, extreme})
	if t.dtype.Float() {
		hit = hit.op("Or", []*Tensor{hit, t.op("IsNaN", []*Tensor{t})})
	}
	first := hit.Cast(eager.Float32).op("ArgMax", []*Tensor{hit.Cast(eager.Float32)}, attr("axis", int64(axis)), attr("keepdims", int64(1)))
	return first.Reshape(shape)
}

// SortWithIndex sorts along an axis, stable. NaN comes last in ascending and first in descending order.
func (t *Tensor) SortWithIndex(axis int, descending bool) (sorted, index *Tensor) {
	if t.err != nil {
		return t, t
	}
	if err := eager.CheckAxes("sort", t.shape, axis); err != nil {
		return failed(err), failed(err)
	}
	if t.dtype == eager.Bool {
		sorted, index = t.Cast(eager.Float32).SortWithIndex(axis, descending)
		return sorted.Cast(eager.Bool), index
	}
	if eager.Size(t.shape) == 0 {
		return t, t.Full(eager.Int64, 0, t.shape)
	}
	key := t
	if t.dtype.Float() {
		key = t.op("IsNaN", []*Tensor{t}).choose(t.Full(t.dtype, math.Inf(1), t.shape), t)
	}
	index = key.order(axis, descending)
	if t.dtype.Float() { // NaN stands behind the infinities that it was sorted with
		strange := t.op("IsNaN", []*Tensor{t}).Cast(eager.Float32)
		again := strange.along(index, axis).order(axis, descending)
		index = index.along(again, axis)
	}
	return t.along(index, axis), index
}

// order returns the positions that sort along the axis: of equal ones the lower comes first.
func (t *Tensor) order(axis int, descending bool) *Tensor {
	largest := int64(0)
	if descending {
		largest = 1
	}
	return t.ops("TopK", 2, []*Tensor{t, t.ints([]int{t.shape[axis]})}, attr("axis", int64(axis)), attr("largest", largest))[1]
}

func (t *Tensor) along(index *Tensor, axis int) *Tensor {
	return t.op("GatherElements", []*Tensor{t, index}, attr("axis", int64(axis)))
}

// CumSum returns running sums along the axis.
func (t *Tensor) CumSum(axis int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckAxes("cumsum", t.shape, axis); err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool {
		return failed(eager.Errorf("cumsum", eager.ErrDType, "expected numbers, found bool; cast first"))
	}
	if slices.Contains(t.shape, 0) {
		return t
	}
	return t.op("CumSum", []*Tensor{t, t.Full(eager.Int64, float64(axis), nil)})
}
