package graph

import (
	"math"
	"slices"

	"visus/tensor"
)

// evaluation is one node with what is known of its inputs; an entry is nil where nothing is.
type evaluation struct {
	*Node
	in    []*constant
	opset int64
}

// arg returns the i-th input, nil where it is left out or unknown.
func (e *evaluation) arg(i int) *constant {
	if i < len(e.in) {
		return e.in[i]
	}
	return nil
}

// ints returns an option that old opsets gave as an attribute and newer ones give as the i-th input. ok is false where it is an input
// that is not known; values is nil where it is left out.
func (e *evaluation) ints(name string, i int) (values []int64, ok bool) {
	if v := e.Ints(name); v != nil {
		return v, true
	}
	if e.Input(i) == "" {
		return nil, true
	}
	return e.arg(i).list()
}

// evaluators compute the first output of a node from its inputs, or give nil. They are the operators that exporters write shape
// arithmetic with.
var evaluators = map[string]func(e *evaluation) *constant{
	"Constant": evalConstant, "ConstantOfShape": evalConstantOfShape, "Range": evalRange,
	"Identity": whole(func(e *evaluation, c *constant) *constant { return c }),
	"Cast": whole(func(e *evaluation, c *constant) *constant {
		return c.cast(typeOf(int32(e.Int("to", 0))))
	}),
	"Gather": whole(evalGather), "Slice": whole(evalSlice), "Transpose": whole(evalTranspose),
	"Reshape": whole(evalReshape), "Unsqueeze": whole(evalUnsqueeze), "Squeeze": whole(evalSqueeze), "Expand": whole(evalExpand),
	"Concat": evalConcat, "Where": evalWhere,
	"Add": arithmetic(func(a, b int64) (int64, bool) { return a + b, true }, func(a, b float64) float64 { return a + b }, 0, true),
	"Sub": arithmetic(func(a, b int64) (int64, bool) { return a - b, true }, func(a, b float64) float64 { return a - b }, 0, false),
	"Mul": arithmetic(func(a, b int64) (int64, bool) { return a * b, true }, func(a, b float64) float64 { return a * b }, 1, true),
	"Div": arithmetic(func(a, b int64) (int64, bool) { return a / max(b, 1), b > 0 }, func(a, b float64) float64 { return a / b }, 1, false),
	"Min": arithmetic(func(a, b int64) (int64, bool) { return min(a, b), true }, math.Min, math.MaxInt64, true),
	"Max": arithmetic(func(a, b int64) (int64, bool) { return max(a, b), true }, math.Max, math.MinInt64, true),
	"Mod": arithmetic(func(a, b int64) (int64, bool) { return a % max(b, 1), b > 0 && a >= 0 }, math.Mod, 0, false),
	"Neg": single(func(v int64) int64 { return -v }, func(v float64) float64 { return -v }),
	"Abs": single(func(v int64) int64 { return max(v, -v) }, math.Abs), "Sqrt": single(nil, math.Sqrt),
	"Floor": single(nil, math.Floor), "Ceil": single(nil, math.Ceil), "Not": single(func(v int64) int64 { return 1 - v }, nil),
	"Equal":      comparison(func(order int) bool { return order == 0 }),
	"Less":       comparison(func(order int) bool { return order < 0 }),
	"Greater":    comparison(func(order int) bool { return order > 0 }),
	"And":        logic(func(a, b int64) bool { return a != 0 && b != 0 }),
	"Or":         logic(func(a, b int64) bool { return a != 0 || b != 0 }),
	"ReduceProd": evalProduct,
}

// evaluate computes a node of ONNX's own domain, nil where it cannot.
func evaluate(e *evaluation) *constant {
	rule := evaluators[e.Op]
	if rule == nil || e.Domain != "" {
		return nil
	}
	return rule(e)
}

// whole lifts a rule for nodes that need their first input.
func whole(rule func(e *evaluation, c *constant) *constant) func(e *evaluation) *constant {
	return func(e *evaluation) *constant {
		if e.arg(0) == nil {
			return nil
		}
		return rule(e, e.arg(0))
	}
}

func evalConstant(e *evaluation) *constant {
	for _, a := range e.Attributes {
		switch v := a.Value.(type) {
		case *tensor.Tensor:
			return constantOf(v)
		case int64:
			return &constant{kind: tensor.Int64, ints: []int64{v}}
		case []int64:
			return vector(v...)
		case float32:
			return &constant{kind: tensor.Float32, floats: []float64{float64(v)}}
		case []float32:
			c := &constant{kind: tensor.Float32, shape: []int{len(v)}}
			for _, f := range v {
				c.floats = append(c.floats, float64(f))
			}
			return c
		}
	}
	return nil
}

func evalConstantOfShape(e *evaluation) *constant {
	sizes, ok := e.arg(0).list()
	if !ok {
		return nil
	}
	shape := toSizes(sizes)
	n, ok := small(shape)
	if !ok {
		return nil
	}
	value := &constant{kind: tensor.Float32, floats: []float64{0}}
	if t, given := e.Attribute("value").(*tensor.Tensor); given {
		if value = constantOf(t); value == nil || value.len() != 1 {
			return nil
		}
	}
	return value.pick(shape, make([]int, n))
}

func toSizes(values []int64) []int {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
	}
	return out
}

func evalRange(e *evaluation) *constant {
	var v [3]int64
	for i := range v {
		list, ok := e.arg(i).list()
		if !ok || len(list) != 1 {
			return nil
		}
		v[i] = list[0]
	}
	const far = 1 << 40 // beyond it sums could overflow
	if v[2] == 0 || max(v[0], v[1], v[2]) > far || min(v[0], v[1], v[2]) < -far {
		return nil
	}
	out := &constant{kind: e.in[0].kind, ints: []int64{}}
	for at := v[0]; (v[2] > 0 && at < v[1]) || (v[2] < 0 && at > v[1]); at += v[2] {
		if out.ints = append(out.ints, at); len(out.ints) > maxConstant {
			return nil
		}
	}
	out.shape = []int{len(out.ints)}
	return out
}

// axisOf resolves a possibly negative axis.
func axisOf(axis int64, rank int) (int, bool) {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis), axis >= 0 && axis < int64(rank)
}

func evalGather(e *evaluation, c *constant) *constant {
	axis, ok := axisOf(e.Int("axis", 0), len(c.shape))
	at, known := e.arg(1).list()
	if !ok || !known {
		return nil
	}
	indices := e.in[1]
	shape := slices.Concat(c.shape[:axis], indices.shape, c.shape[axis+1:])
	if _, ok := small(shape); !ok {
		return nil
	}
	for _, i := range at {
		if _, ok := axisOf(i, c.shape[axis]); !ok {
			return nil
		}
	}
	var from []int
	source := make([]int, len(c.shape))
	positions(shape, func(index []int) {
		copy(source, index[:axis])
		source[axis], _ = axisOf(at[flat(index[axis:axis+len(indices.shape)], indices.shape)], c.shape[axis])
		copy(source[axis+1:], index[axis+len(indices.shape):])
		from = append(from, flat(source, c.shape))
	})
	return c.pick(shape, from)
}

// slicing is what Slice does to one axis.
type slicing struct{ axis, start, step, count int }

// slicings resolves Slice's options for an array of the given rank; size tells an axis's length, or false where it is free.
func slicings(e *evaluation, rank int, size func(axis int) (int, bool)) ([]slicing, bool) {
	starts, ok1 := e.ints("starts", 1)
	ends, ok2 := e.ints("ends", 2)
	axes, ok3 := e.ints("axes", 3)
	steps, ok4 := e.ints("steps", 4)
	if !ok1 || !ok2 || !ok3 || !ok4 || len(starts) != len(ends) || axes != nil && len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, false
	}
	out := make([]slicing, len(starts))
	for i := range starts {
		at, step := int64(i), int64(1)
		if axes != nil {
			at = axes[i]
		}
		if steps != nil {
			step = steps[i]
		}
		axis, ok := axisOf(at, rank)
		if !ok || step == 0 || step == math.MinInt64 {
			return nil, false
		}
		n, fixed := size(axis)
		out[i] = slicing{axis: axis, step: int(step), count: -1}
		if fixed {
			out[i].start, out[i].count = span(int64(n), starts[i], ends[i], step)
		} else if starts[i] == 0 && ends[i] >= math.MaxInt32 && step == 1 {
			out[i].count = -2 // all of a free axis
		}
	}
	return out, true
}

// span clamps start and end as ONNX says and counts the elements between them.
func span(n, start, end, step int64) (first, count int) {
	if start < 0 {
		start = max(start+n, math.MinInt64/2)
	}
	if end < 0 {
		end = max(end+n, math.MinInt64/2)
	}
	if step > 0 {
		start, end = min(max(start, 0), n), min(max(end, 0), n)
		if end <= start {
			return int(start), 0
		}
		return int(start), int((end-start-1)/step + 1)
	}
	start, end = min(max(start, 0), n-1), min(max(end, -1), n-1)
	if n == 0 || start <= end {
		return 0, 0
	}
	return int(start), int((start-end-1)/-step + 1)
}

func evalSlice(e *evaluation, c *constant) *constant {
	list, ok := slicings(e, len(c.shape), func(axis int) (int, bool) { return c.shape[axis], true })
	if !ok {
		return nil
	}
	shape, start, step := slices.Clone(c.shape), make([]int, len(c.shape)), make([]int, len(c.shape))
	for i := range step {
		step[i] = 1
	}
	for _, s := range list {
		shape[s.axis], start[s.axis], step[s.axis] = s.count, s.start, s.step
	}
	var at []int
	source := make([]int, len(shape))
	positions(shape, func(index []int) {
		for i := range source {
			source[i] = start[i] + index[i]*step[i]
		}
		at = append(at, flat(source, c.shape))
	})
	return c.pick(shape, at)
}

func evalTranspose(e *evaluation, c *constant) *constant {
	perm, ok := permutation(e.Ints("perm"), len(c.shape))
	if !ok {
		return nil
	}
	shape, source := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i] = c.shape[p]
	}
	var at []int
	positions(shape, func(index []int) {
		for i, p := range perm {
			source[p] = index[i]
		}
		at = append(at, flat(source, c.shape))
	})
	return c.pick(shape, at)
}

// permutation resolves Transpose's attribute: left out, it reverses.
func permutation(perm []int64, rank int) ([]int, bool) {
	out, seen := make([]int, rank), make([]bool, rank)
	for i := range out {
		out[i] = rank - 1 - i
	}
	if perm == nil {
		return out, true
	}
	if len(perm) != rank {
		return nil, false
	}
	for i, p := range perm {
		axis, ok := axisOf(p, rank)
		if !ok || seen[axis] {
			return nil, false
		}
		out[i], seen[axis] = axis, true
	}
	return out, true
}

func evalReshape(e *evaluation, c *constant) *constant {
	target, ok := e.arg(1).list()
	if !ok {
		return nil
	}
	dims, err := reshape(Dims(c.shape...), e.in[1].dims(), e.Int("allowzero", 0) != 0)
	v := Value{Shape: dims}
	shape, fixed := v.Sizes()
	if err != nil || !fixed || len(target) == 0 && c.len() != 1 {
		return nil
	}
	return c.reshaped(shape)
}

func evalUnsqueeze(e *evaluation, c *constant) *constant {
	axes, ok := e.ints("axes", 1)
	dims, legal := unsqueeze(Dims(c.shape...), axes)
	if !ok || !legal {
		return nil
	}
	shape, _ := Value{Shape: dims}.Sizes()
	return c.reshaped(shape)
}

func evalSqueeze(e *evaluation, c *constant) *constant {
	axes, ok := e.ints("axes", 1)
	dims, legal := squeeze(Dims(c.shape...), axes)
	if !ok || !legal {
		return nil
	}
	shape, _ := Value{Shape: dims}.Sizes()
	return c.reshaped(shape)
}

func evalExpand(e *evaluation, c *constant) *constant {
	target, ok := e.arg(1).list()
	if !ok {
		return nil
	}
	shape, ok := broadcast(c.shape, toSizes(target))
	if !ok {
		return nil
	}
	return c.stretch(shape)
}
