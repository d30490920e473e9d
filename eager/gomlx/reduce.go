package gomlx

import (
	"math"
	"math/bits"
	"slices"

	"github.com/gomlx/gomlx/pkg/core/graph"

	"visus/eager"
)

var folds = map[eager.ReduceOp]func(x *graph.Node, axes ...int) *graph.Node{
	eager.OpSum: graph.ReduceSum, eager.OpProd: graph.ReduceMultiply, eager.OpMin: graph.ReduceMin, eager.OpMax: graph.ReduceMax,
	eager.OpAll: graph.ReduceLogicalAnd, eager.OpAny: graph.ReduceLogicalOr,
}

// neutral is what folding no elements gives.
var neutral = map[eager.ReduceOp]float64{eager.OpProd: 1, eager.OpAll: 1}

// Reduce folds the axes.
func (t *Tensor) Reduce(op eager.ReduceOp, axes []int, keep bool) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	shape, err := eager.ReduceShape(op, t.Shape(), axes, keep)
	if err != nil {
		return failed(err)
	}
	dtype, err := eager.ReduceType(op, t.dtype)
	if err != nil {
		return failed(err)
	}
	x := t.Cast(dtype)
	switch {
	case eager.Size(t.Shape()) == 0:
		return t.Full(dtype, neutral[op], shape)
	case len(axes) == 0: // GoMLX would fold all
		return x
	case dtype == eager.Float32 && op == eager.OpSum: // GoMLX's Go engine adds one by one
		return x.Cast(eager.Float64).fold(op, axes).Cast(dtype).Reshape(shape)
	case op == eager.OpSum:
		return x.fold(op, axes).Reshape(shape)
	}
	kept := t.aside(func() *Tensor { return x.fold(op, axes) })
	if t.dtype.Float() {
		kept = t.custom([]*Tensor{t}, kept, func(xs []*Tensor, y, g *Tensor) []*Tensor {
			return []*Tensor{eager.ReduceGradient(op, xs[0], y, g, axes)}
		})
	}
	return kept.Reshape(shape)
}

// fold keeps the axes with size 1. NaN is the smallest and the largest.
func (t *Tensor) fold(op eager.ReduceOp, axes []int) *Tensor {
	kept := slices.Clone(t.Shape())
	for _, axis := range axes {
		kept[axis] = 1
	}
	out := t.build(op.String(), func() *graph.Node { return folds[op](t.node, axes...) }).Reshape(kept)
	if !t.dtype.Float() || op < eager.OpMin {
		return out
	}
	return t.nan().fold(eager.OpAny, axes).choose(eager.Scalar(t, math.NaN()), out)
}

// ArgReduce returns the first position of the extreme; NaN counts as the extreme.
func (t *Tensor) ArgReduce(op eager.ReduceOp, axis int, keep bool) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	shape, err := eager.ReduceShape(op, t.Shape(), []int{axis}, keep)
	if err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool || op != eager.OpMin && op != eager.OpMax {
		return failed(eager.Errorf("arg"+op.String(), eager.ErrDType, "not defined for %v; cast first", t.dtype))
	}
	if eager.Size(t.Shape()) == 0 {
		return t.Full(eager.Int64, 0, shape)
	}
	n := t.Shape()[axis]
	across := make([]int, len(t.Shape()))
	for i := range across {
		across[i] = 1
	}
	across[axis] = n
	hit := eager.Equal(t, t.fold(op, []int{axis}))
	if t.dtype.Float() {
		hit = eager.Or(hit, t.nan())
	}
	places := hit.choose(t.Arange(0, n, 1).Reshape(across), t.Full(eager.Int64, float64(n), nil))
	return places.Reduce(eager.OpMin, []int{axis}, keep)
}

// SortWithIndex sorts along an axis, stable. NaN comes last in ascending and first in descending order.
func (t *Tensor) SortWithIndex(axis int, descending bool) (sorted, index *Tensor) {
	if bad := first(t); bad != nil {
		return bad, bad
	}
	if err := eager.CheckAxes("sort", t.Shape(), axis); err != nil {
		return failed(err), failed(err)
	}
	if t.dtype == eager.Bool {
		sorted, index = t.Cast(eager.Int64).SortWithIndex(axis, descending)
		return sorted.Cast(eager.Bool), index
	}
	shape := t.Shape()
	if eager.Size(shape) == 0 {
		return t, t.Full(eager.Int64, 0, shape)
	}
	last := []int{} // the order of axes with the one that is sorted at the end
	for i := range shape {
		if i != axis {
			last = append(last, i)
		}
	}
	last = append(last, axis)
	moved, n := t.Transpose(last), shape[axis]
	rows := moved.Reshape([]int{eager.Size(shape) / n, n})
	order := t.aside(func() *Tensor { return rows.order(descending) })
	start := eager.MulScalar(t.Arange(0, rows.Shape()[0], 1), float64(n)).Reshape([]int{rows.Shape()[0], 1})
	values := rows.Reshape([]int{eager.Size(shape)}).take(0, eager.Add(order, start).Reshape([]int{eager.Size(shape)}))
	back := func(x *Tensor) *Tensor { return x.Reshape(moved.Shape()).Transpose(inverse(last)) }
	return back(values), back(order)
}

// inverse is the permutation that undoes one.
func inverse(axes []int) []int {
	out := make([]int, len(axes))
	for i, axis := range axes {
		out[axis] = i
	}
	return out
}

// order returns the positions that sort the rows [m, n]: GoMLX has no sort, so this is Batcher's bitonic network, of log²n/2 steps over rows
// filled up to a power of 2. Equal values are ordered by position, which makes it stable; NaN and what fills up share the value of an infinity
// and stand, by their positions, before or behind it.
func (t *Tensor) order(descending bool) *Tensor {
	m, n := t.Shape()[0], t.Shape()[1]
	wide := 1 << bits.Len(uint(n-1))
	key, place := t, t.Arange(0, n, 1)
	most := t.build("sort", func() *graph.Node { return graph.Infinity(t.node.Graph(), kinds[t.dtype], 1) })
	if descending {
		key = eager.ScalarSub(-1, t) // the other way round; -t would not turn the lowest integer
		if t.dtype.Float() {
			key = eager.Neg(t)
		}
	}
	place = place.Reshape([]int{1, n}).BroadcastTo([]int{m, n})
	if t.dtype.Float() {
		nan, end, shift := t.nan(), most, float64(wide)
		if descending {
			end, shift = eager.Neg(most), -float64(wide)
		}
		key, place = nan.choose(end, key), nan.choose(eager.AddScalar(place, shift), place)
	}
	if wide > n {
		rest := t.Arange(n+wide, 2*wide, 1).Reshape([]int{1, wide - n}).BroadcastTo([]int{m, wide - n})
		key = key.Concat(1, []*Tensor{most.BroadcastTo([]int{m, wide - n})})
		place = place.Concat(1, []*Tensor{rest})
	}
	for size := 2; size <= wide; size *= 2 {
		for gap := size / 2; gap > 0; gap /= 2 {
			key, place = key.exchange(place, size, gap)
		}
	}
	place = eager.ModScalar(place, float64(wide))
	return place.Slice([]eager.Range{{Stop: m, Step: 1}, {Stop: n, Step: 1}})
}

// exchange is a step of the network: positions a gap apart change places where they are out of order, which turns with every block of size.
func (t *Tensor) exchange(place *Tensor, size, gap int) (*Tensor, *Tensor) {
	m, wide := t.Shape()[0], t.Shape()[1]
	groups := wide / (2 * gap)
	down := make([]float64, groups)
	for i := range down {
		if i*2*gap&size != 0 {
			down[i] = 1
		}
	}
	halves := func(x *Tensor) (*Tensor, *Tensor) {
		part := func(i int) *Tensor {
			return x.Slice([]eager.Range{{Stop: m, Step: 1}, {Stop: groups, Step: 1}, {Start: i, Stop: i + 1, Step: 1}, {Stop: gap, Step: 1}})
		}
		x = x.Reshape([]int{m, groups, 2, gap})
		return part(0), part(1)
	}
	a, b := halves(t)
	p, q := halves(place)
	after := eager.Or(eager.Greater(a, b), eager.And(eager.Equal(a, b), eager.Greater(p, q)))
	swap := after.native(graph.LogicalXor, t.constant(eager.Bool, down, []int{1, groups, 1, 1}))
	join := func(a, b *Tensor) *Tensor {
		return swap.choose(b, a).Concat(2, []*Tensor{swap.choose(a, b)}).Reshape([]int{m, wide})
	}
	return join(a, b), join(p, q)
}

// CumSum returns running sums along the axis, in steps that double what is summed: GoMLX's own takes n² additions.
func (t *Tensor) CumSum(axis int) *Tensor {
	if bad := first(t); bad != nil {
		return bad
	}
	if err := eager.CheckAxes("cumsum", t.Shape(), axis); err != nil {
		return failed(err)
	}
	if t.dtype == eager.Bool {
		return failed(eager.Errorf("cumsum", eager.ErrDType, "expected numbers, found bool; cast first"))
	}
	y := t.aside(func() *Tensor { return t.running(axis) })
	return t.custom([]*Tensor{t}, y, func(_ []*Tensor, _, g *Tensor) []*Tensor {
		return []*Tensor{eager.Flip(eager.CumSum(eager.Flip(g, axis), axis), axis)}
	})
}

func (t *Tensor) running(axis int) *Tensor {
	ranges, paddings := make([]eager.Range, len(t.Shape())), make([][2]int, len(t.Shape()))
	for i, n := range t.Shape() {
		ranges[i] = eager.Range{Stop: n, Step: 1}
	}
	n, y := t.Shape()[axis], t
	for shift := 1; shift < n; shift *= 2 {
		ranges[axis].Stop, paddings[axis][0] = n-shift, shift
		y = eager.Add(y, y.Slice(ranges).Pad(paddings, 0))
	}
	return y
}
