package grad

import (
	"fmt"
	"math"

	"visus/graph"
	"visus/tensor"
)

// reductions are the rules of operators that make one number of many, or of many along an axis.
var reductions = map[string]rule{
	"ReduceSum": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value { return r.dy })
	},
	"ReduceMean": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value { return scale(b, r.dy, 1/float64(r.count)) })
	},
	"ReduceMax": extremum, "ReduceMin": extremum,
	"ReduceProd": product,
	"ReduceL1": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value { return mul(b, r.dy, unary(b, "Sign", c.x[0])) })
	},
	// ReduceL2: dx = dy·x/y, 0 where y is.
	"ReduceL2": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value {
			nothing := compare(b, "Equal", r.y, number(b, r.y, 0))
			ratio := div(b, r.dy, where(b, nothing, number(b, r.y, 1), r.y))
			return mul(b, c.x[0], where(b, nothing, number(b, r.y, 0), ratio))
		})
	},
	"ReduceSumSquare": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value { return mul(b, c.x[0], scale(b, r.dy, 2)) })
	},
	"ReduceLogSum": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value { return div(b, r.dy, reduceSum(b, c.x[0], r.axes)) })
	},
	// ReduceLogSumExp: dx = dy·exp(x-y), 0 where all x are -∞.
	"ReduceLogSumExp": func(b *graph.Builder, c call) []graph.Value {
		return reduction(b, c, func(r reduced) graph.Value {
			nothing := compare(b, "Equal", r.y, number(b, r.y, math.Inf(-1)))
			y := where(b, nothing, number(b, r.y, 0), r.y)
			return mul(b, r.dy, unary(b, "Exp", sub(b, c.x[0], y)))
		})
	},
	// CumSum adds what comes before, so its gradient adds what comes behind.
	"CumSum": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{b.Op("CumSum", []graph.Value{c.dy[0], c.x[1]},
			graph.Attribute{Name: "exclusive", Value: c.Int("exclusive", 0)}, graph.Attribute{Name: "reverse", Value: 1 - c.Int("reverse", 0)})}
	},
	"TopK": topK, "ArgMax": none, "ArgMin": none, "Hardmax": none,
	// Softmax: dx = y·(dy - sum dy·y).
	"Softmax": func(b *graph.Builder, c call) []graph.Value {
		each := mul(b, c.dy[0], c.y[0])
		return []graph.Value{sub(b, each, mul(b, c.y[0], reduceSum(b, each, []int{int(c.Int("axis", -1))})))}
	},
	// LogSoftmax: dx = dy - exp(y)·sum dy.
	"LogSoftmax": func(b *graph.Builder, c call) []graph.Value {
		all := reduceSum(b, c.dy[0], []int{int(c.Int("axis", -1))})
		return []graph.Value{sub(b, c.dy[0], mul(b, unary(b, "Exp", c.y[0]), all))}
	},
}

// reduced is a reduction with its output and gradient in the shape that has 1 on the axes that were reduced.
type reduced struct {
	y, dy graph.Value
	axes  []int
	count int // numbers that became one
}

// reduction makes the gradient of a reduction's input; what the function returns broadcasts to the input's shape.
func reduction(b *graph.Builder, c call, f func(r reduced) graph.Value) []graph.Value {
	shape := append([]int{}, sizes(c.x[0])...)
	r := reduced{count: 1}
	var axes []int64
	if c.Input(1) != "" {
		known, ok := b.Integers(c.x[1])
		if !ok {
			b.Fail(c.Op, fmt.Errorf("its gradient needs constant axes; %q is only known when the graph runs", c.Input(1)))
			return nil
		}
		axes = known
	}
	if len(axes) == 0 && c.Int("noop_with_empty_axes", 0) == 0 {
		for i := range shape {
			axes = append(axes, int64(i))
		}
	}
	kept := append([]int{}, shape...)
	for _, a := range axes {
		if a < 0 {
			a += int64(len(shape))
		}
		r.axes, kept[a], r.count = append(r.axes, int(a)), 1, r.count*shape[a]
	}
	r.y, r.dy = reshape(b, c.y[0], kept), reshape(b, c.dy[0], kept)
	return []graph.Value{expand(b, f(r), shape)}
}

// extremum, ReduceMax and ReduceMin: entries that are equal to the output share its gradient.
func extremum(b *graph.Builder, c call) []graph.Value {
	return reduction(b, c, func(r reduced) graph.Value {
		x, y := c.x[0], r.y
		if short(x.Type) && len(r.axes) > 0 {
			x = convert(b, x, tensor.Float32)
			y = b.Op(c.Op, []graph.Value{x, list(b, r.axes)})
		}
		taken := compare(b, "Equal", x, y)
		count := reduceSum(b, convert(b, taken, c.x[0].Type), r.axes)
		return keep(b, taken, div(b, r.dy, count))
	})
}

// product: each entry's gradient is the product of the others. With p the product of all that are not 0, that is p/x where none is 0, and p
// at the only 0. Second derivatives are right where no entry is 0.
func product(b *graph.Builder, c call) []graph.Value {
	x := c.x[0]
	return reduction(b, c, func(r reduced) graph.Value {
		zero, one := number(b, x, 0), number(b, x, 1)
		null := compare(b, "Equal", x, zero)
		rest := where(b, null, one, x)
		p := rest
		if len(r.axes) > 0 {
			p = b.Op("ReduceProd", []graph.Value{rest, list(b, r.axes)})
		}
		nulls := reduceSum(b, convert(b, null, x.Type), r.axes)
		alone := where(b, compare(b, "Equal", nulls, one), p, zero)
		others := where(b, compare(b, "Equal", nulls, zero), div(b, p, rest), zero)
		return mul(b, r.dy, where(b, null, alone, others))
	})
}

// topK: the gradient of each value goes where it came from.
func topK(b *graph.Builder, c call) []graph.Value {
	if c.dy[0].Name == "" {
		return nil
	}
	from := c.y[1]
	if from.Name == "" {
		from = b.Ops("TopK", 2, c.x, c.Attributes...)[1]
	}
	nothing := fill(b, c.x[0].Type, 0, sizes(c.x[0]))
	return []graph.Value{b.Op("ScatterElements", []graph.Value{nothing, from, c.dy[0]},
		graph.Attribute{Name: "axis", Value: c.Int("axis", -1)})}
}
