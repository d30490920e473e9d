package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

var reductions = map[string]operator{
	"ReduceSum":  reduction(func(t *translator, x *value, axes []int) *value { return t.sum(x, axes...) }),
	"ReduceMean": reduction(func(t *translator, x *value, axes []int) *value { return t.mean(x, axes...) }),
	"ReduceMax":  reduction(func(t *translator, x *value, axes []int) *value { return t.fold(kernel.FoldMax, x, 1, axes...) }),
	"ReduceMin":  reduction(func(t *translator, x *value, axes []int) *value { return t.fold(kernel.FoldMin, x, 1, axes...) }),
	"ReduceProd": reduction(func(t *translator, x *value, axes []int) *value { return t.fold(kernel.FoldProduct, x, 1, axes...) }),
	"ReduceL1": reduction(func(t *translator, x *value, axes []int) *value {
		return t.sum(t.el(kernel.Abs, x), axes...)
	}),
	"ReduceL2": reduction(func(t *translator, x *value, axes []int) *value {
		return t.el(kernel.Sqrt, t.sum(t.square(x), axes...))
	}),
	"ReduceSumSquare": reduction(func(t *translator, x *value, axes []int) *value { return t.sum(t.square(x), axes...) }),
	"ReduceLogSum": reduction(func(t *translator, x *value, axes []int) *value {
		return t.el(kernel.Log, t.sum(x, axes...))
	}),
	"ReduceLogSumExp": reduction(logSumExp),
	"Softmax": softmax(func(t *translator, x *value, axes ...int) *value {
		e := t.el(kernel.Exp, t.el(kernel.Sub, x, t.fold(kernel.FoldMax, x, 1, axes...)))
		return t.el(kernel.Div, e, t.sum(e, axes...))
	}),
	"LogSoftmax": softmax((*translator).logSoftmax),
	"ArgMax":     extreme(kernel.FoldMax), "ArgMin": extreme(kernel.FoldMin), "Hardmax": hardmax,
}

// hardmax is 1 at the first of the largest entries along a dimension, 0 elsewhere.
func hardmax(t *translator, n *node) ([]*value, error) {
	x, axis := n.in[0], n.axis("axis", -1)
	if x.shape[axis] >= exact {
		return nil, fmt.Errorf("%d entries", x.shape[axis])
	}
	places, first := t.first(kernel.FoldMax, x, axis)
	return list(t.elements(tensor.Float32, kernel.Copy, t.test(kernel.Equal, places, first))), floats(x)
}

// first numbers the entries along a dimension, and finds the first of the largest or smallest ones.
func (t *translator) first(kind kernel.Fold, x *value, axis int) (places, first *value) {
	shape := slices.Repeat([]int{1}, len(x.shape))
	shape[axis] = x.shape[axis]
	places = t.index(x.shape[axis], shape...)
	hit := t.test(kernel.Equal, x, t.fold(kind, x, 1, axis))
	return places, t.fold(kernel.FoldMin, t.where(hit, places, t.number(float64(x.shape[axis]-1))), 1, axis)
}

// extreme is the first place of the largest or smallest entry along a dimension; where there is none, as all are NaN, the last.
func extreme(kind kernel.Fold) operator {
	return func(t *translator, n *node) ([]*value, error) {
		x, axis := n.in[0], n.axis("axis", 0)
		if n.Int("select_last_index", 0) != 0 {
			return nil, fmt.Errorf("the last of equal entries")
		}
		if x.shape[axis] >= exact {
			return nil, fmt.Errorf("%d entries", x.shape[axis])
		}
		_, first := t.first(kind, x, axis)
		return list(t.reshape(t.elements(tensor.Int64, kernel.Copy, first), n.shape[0]...)), floats(x)
	}
}

func (t *translator) logSoftmax(x *value, axes ...int) *value {
	d := t.el(kernel.Sub, x, t.fold(kernel.FoldMax, x, 1, axes...))
	return t.el(kernel.Sub, d, t.el(kernel.Log, t.sum(t.el(kernel.Exp, d), axes...)))
}

// logSumExp is exact for −∞ and ∞ too: where the largest entry is not finite, it is the result or goes into a sum of 0 and exp.
func logSumExp(t *translator, x *value, axes []int) *value {
	top := t.fold(kernel.FoldMax, x, 1, axes...)
	finite := t.where(t.test(kernel.IsInf, top), t.number(0), top)
	return t.el(kernel.Add, finite, t.el(kernel.Log, t.sum(t.el(kernel.Exp, t.el(kernel.Sub, x, finite)), axes...)))
}

func reduction(f func(t *translator, x *value, axes []int) *value) operator {
	return func(t *translator, n *node) ([]*value, error) {
		axes, err := n.axes(1)
		if err != nil {
			return nil, err
		}
		if err := floats(n.in[0]); err != nil {
			return nil, err
		}
		x := n.in[0]
		if len(axes) == 0 {
			if n.Int("noop_with_empty_axes", 0) != 0 {
				return nil, fmt.Errorf("a reduction over no axes")
			}
			axes = all(len(x.shape))
		}
		return list(t.reshape(f(t, x, axes), n.shape[0]...)), nil
	}
}

func softmax(f func(t *translator, x *value, axes ...int) *value) operator {
	return func(t *translator, n *node) ([]*value, error) {
		return list(f(t, n.in[0], n.axis("axis", -1))), floats(n.in[0])
	}
}
