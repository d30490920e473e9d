package graph

import (
	"cmp"
	"slices"

	"visus/tensor"
)

func evalConcat(e *evaluation) *constant {
	first := e.arg(0)
	if first == nil {
		return nil
	}
	axis, ok := axisOf(e.Int("axis", 0), len(first.shape))
	if !ok {
		return nil
	}
	all := &constant{kind: first.kind} // the parts one behind the other, then picked into their places
	shape, starts, total := slices.Clone(first.shape), []int{}, 0
	shape[axis] = 0
	for _, c := range e.in {
		if c == nil || c.kind != first.kind || len(c.shape) != len(shape) {
			return nil
		}
		for i, d := range c.shape {
			if i != axis && d != shape[i] {
				return nil
			}
		}
		shape[axis] += c.shape[axis]
		starts, total = append(starts, total), total+c.len()
		all.ints, all.floats = append(all.ints, c.ints...), append(all.floats, c.floats...)
		for i := range c.len() {
			all.symbols = append(all.symbols, c.symbol(i))
		}
	}
	if _, ok := small(shape); !ok {
		return nil
	}
	var at []int
	positions(shape, func(index []int) {
		part, source := 0, slices.Clone(index)
		for source[axis] >= e.in[part].shape[axis] {
			source[axis] -= e.in[part].shape[axis]
			part++
		}
		at = append(at, starts[part]+flat(source, e.in[part].shape))
	})
	return all.pick(shape, at)
}

func evalWhere(e *evaluation) *constant {
	condition, a, b := e.arg(0), e.arg(1), e.arg(2)
	if !condition.known() || a == nil || b == nil || a.kind != b.kind {
		return nil
	}
	shape, ok := broadcast(a.shape, b.shape)
	if !ok {
		return nil
	}
	if shape, ok = broadcast(shape, condition.shape); !ok {
		return nil
	}
	condition, a, b = condition.stretch(shape), a.stretch(shape), b.stretch(shape)
	both := &constant{kind: a.kind, ints: slices.Concat(a.ints, b.ints), floats: slices.Concat(a.floats, b.floats)}
	at := make([]int, condition.len())
	for i, v := range condition.ints {
		at[i] = i
		if v == 0 {
			at[i] += a.len()
		}
	}
	if a.symbols != nil || b.symbols != nil {
		for i := range a.len() {
			both.symbols = append(both.symbols, a.symbol(i))
		}
		for i := range b.len() {
			both.symbols = append(both.symbols, b.symbol(i))
		}
	}
	return both.pick(shape, at)
}

// pair stretches the two inputs of a node to one shape.
func (e *evaluation) pair() (a, b *constant, ok bool) {
	a, b = e.arg(0), e.arg(1)
	if len(e.in) != 2 || a == nil || b == nil || a.kind != b.kind {
		return nil, nil, false
	}
	shape, ok := broadcast(a.shape, b.shape)
	if !ok {
		return nil, nil, false
	}
	return a.stretch(shape), b.stretch(shape), true
}

// arithmetic makes the rule of a two-sided operator. neutral is the integer that changes nothing on the right (and on the left where
// the operator is symmetric), so that a symbol survives it; any other number with a symbol gives an unknown one.
func arithmetic(ints func(a, b int64) (int64, bool), floats func(a, b float64) float64, neutral int64, symmetric bool) func(*evaluation) *constant {
	return func(e *evaluation) *constant {
		a, b, ok := e.pair()
		if !ok {
			return nil
		}
		out := &constant{kind: a.kind, shape: a.shape}
		if isFloat(a.kind) {
			for i := range a.floats {
				out.floats = append(out.floats, round(floats(a.floats[i], b.floats[i]), a.kind))
			}
			return out
		}
		out.ints = make([]int64, len(a.ints))
		if a.symbols != nil || b.symbols != nil {
			out.symbols = make([]string, len(a.ints))
		}
		for i := range a.ints {
			x, y := a.symbol(i), b.symbol(i)
			switch {
			case x == "" && y == "":
				v, ok := ints(a.ints[i], b.ints[i])
				if !ok {
					return nil
				}
				out.ints[i] = narrowInt(v, a.kind)
			case y == "" && b.ints[i] == neutral:
				out.symbols[i] = x
			case symmetric && x == "" && a.ints[i] == neutral:
				out.symbols[i] = y
			default:
				out.symbols[i] = unknown
			}
		}
		return out
	}
}

// single makes the rule of a one-sided operator; a nil function stands for element types that the operator does not take.
func single(ints func(int64) int64, floats func(float64) float64) func(*evaluation) *constant {
	return whole(func(e *evaluation, c *constant) *constant {
		if !c.known() || isFloat(c.kind) && floats == nil || !isFloat(c.kind) && ints == nil {
			return nil
		}
		out := &constant{kind: c.kind, shape: c.shape}
		for _, v := range c.ints {
			out.ints = append(out.ints, narrowInt(ints(v), c.kind))
		}
		for _, v := range c.floats {
			out.floats = append(out.floats, round(floats(v), c.kind))
		}
		return out
	})
}

func comparison(holds func(order int) bool) func(*evaluation) *constant {
	return func(e *evaluation) *constant {
		a, b, ok := e.pair()
		if !ok || !a.known() || !b.known() {
			return nil
		}
		out := &constant{kind: tensor.Bool, shape: a.shape}
		for i := range a.len() {
			if isFloat(a.kind) {
				if a.floats[i] != a.floats[i] || b.floats[i] != b.floats[i] {
					return nil // NaN has no order
				}
				out.ints = append(out.ints, truth(holds(cmp.Compare(a.floats[i], b.floats[i]))))
				continue
			}
			out.ints = append(out.ints, truth(holds(cmp.Compare(a.ints[i], b.ints[i]))))
		}
		return out
	}
}

func logic(holds func(a, b int64) bool) func(*evaluation) *constant {
	return func(e *evaluation) *constant {
		a, b, ok := e.pair()
		if !ok || !a.known() || !b.known() || a.kind != tensor.Bool {
			return nil
		}
		out := &constant{kind: tensor.Bool, shape: a.shape}
		for i := range a.ints {
			out.ints = append(out.ints, truth(holds(a.ints[i], b.ints[i])))
		}
		return out
	}
}

// evalProduct multiplies all elements: how exporters count them.
func evalProduct(e *evaluation) *constant {
	values, ok := e.arg(0).list()
	axes, known := e.ints("axes", 1)
	if !ok || !known || len(e.in[0].shape) > 1 || len(axes) > 1 || len(axes) == 0 && e.Int("noop_with_empty_axes", 0) != 0 {
		return nil
	}
	out := &constant{kind: e.in[0].kind, ints: []int64{1}}
	for _, v := range values {
		out.ints[0] = narrowInt(out.ints[0]*v, out.kind)
	}
	if e.Int("keepdims", 1) != 0 && len(e.in[0].shape) == 1 {
		out.shape = []int{1}
	}
	return out
}
