package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

// value is a tensor of a program. Values are listed so that each comes after those it is made of.
type value struct {
	index int
	kind  tensor.Type
	shape []int
	maker maker
	kept  bool // has memory; else every loop that uses it computes it
}

// maker tells how a value comes about.
type maker interface {
	operands() []*value
}

type (
	// leaf is given: by the caller, by the state, or as a constant.
	leaf struct {
		name     string         // of a graph's input or initializer
		constant *tensor.Tensor // nil for inputs and states
	}
	// element is computed element by element from operands that broadcast as NumPy's do.
	element struct {
		op kernel.Op
		in []*value
	}
	// fold puts a value's dimensions together, which stay as dimensions of one element: scale · Σ v, max v, ...
	fold struct {
		kind  kernel.Fold
		scale float64
		over  []bool
		in    *value
	}
	// view shows the memory of another value in another shape or order; where that has no such layout, a copy of it.
	view struct {
		of    func(layout) (layout, bool) // nil: as it is
		back  func(layout) (layout, bool) // of's inverse; nil where it has none
		in    *value
		after *value // nothing reads the view before this is made; nil: no matter
	}
	// result is one of the outputs of a call.
	result struct {
		call *call
		at   int
	}
)

// call is what no loop does: a primitive of oneDNN or a kernel of its own.
type call struct {
	name string
	in   []*value
	out  []*value
	plan func(p *planner, c *call) error // gives the outputs their places and adds the steps
	relu bool                            // a fused ReLU follows: the output is max(0, ·); only where fusable
	// fusable says that plan can do so. A call that makes one value knows it.
	fusable bool
}

func (l *leaf) operands() []*value    { return nil }
func (e *element) operands() []*value { return e.in }
func (f *fold) operands() []*value    { return []*value{f.in} }
func (v *view) operands() []*value {
	if v.after != nil {
		return []*value{v.in, v.after}
	}
	return []*value{v.in}
}
func (r *result) operands() []*value { return r.call.in }

// writer makes values; equal ones are made once.
type writer struct {
	values []*value
	known  map[string]*value
	calls  map[string]*call
	relus  map[*value]*value // ReLU by its operand: a comparison of the operand with 0 reads the ReLU instead
	wishes []*value          // views that are to be dense, if they show a state
}

func newWriter() *writer {
	return &writer{known: map[string]*value{}, calls: map[string]*call{}, relus: map[*value]*value{}}
}

func (w *writer) add(kind tensor.Type, shape []int, m maker) *value {
	v := &value{index: len(w.values), kind: kind, shape: shape, maker: m}
	w.values = append(w.values, v)
	return v
}

// once returns the value of the key, made now where there is none.
func (w *writer) once(key string, make func() *value) *value {
	v := w.known[key]
	if v == nil {
		v = make()
		w.known[key] = v
	}
	return v
}

func (w *writer) leaf(name string, kind tensor.Type, shape []int, constant *tensor.Tensor) *value {
	return w.add(kind, shape, &leaf{name, constant})
}

// number is a scalar constant.
func (w *writer) number(v float64) *value {
	return w.once(fmt.Sprint("number ", float32(v)), func() *value {
		t := tensor.New(tensor.Float32)
		tensor.Values[float32](t)[0] = float32(v)
		return w.leaf("", tensor.Float32, nil, t)
	})
}

// scalar returns the number that a value is everywhere, where it is a constant of one element.
func scalar(v *value) (float32, bool) {
	l, ok := v.maker.(*leaf)
	if !ok || l.constant == nil || size(v.shape) != 1 || v.kind == tensor.Float64 {
		return 0, false
	}
	return float32(l.constant.Floats()[0]), true
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// broadcast is the common shape of operands. Shapes come from inference, so they fit.
func broadcast(in ...*value) []int {
	rank := 0
	for _, v := range in {
		rank = max(rank, len(v.shape))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, v := range in {
		for d, n := range v.shape {
			if n != 1 {
				out[rank-len(v.shape)+d] = n
			}
		}
	}
	return out
}

// wished is v, which is to be dense if it shows a state whose layout is free.
func (w *writer) wished(v *value) *value {
	w.wishes = append(w.wishes, v)
	return v
}

// el applies an operation to each element: in float64 where all operands have it, else in float32.
func (w *writer) el(op kernel.Op, in ...*value) *value {
	if !slices.ContainsFunc(in, func(v *value) bool { return v.kind != tensor.Float64 }) {
		return w.elements(tensor.Float64, op, in...)
	}
	return w.elements(tensor.Float32, op, in...)
}

// test applies an operation whose results are true or false.
func (w *writer) test(op kernel.Op, in ...*value) *value { return w.elements(tensor.Bool, op, in...) }

func (w *writer) elements(kind tensor.Type, op kernel.Op, in ...*value) *value {
	if relu := w.relus[in[0]]; relu != nil && op == kernel.Greater && !again(in[0]) {
		if zero, ok := scalar(in[1]); ok && zero == 0 {
			in = []*value{relu, in[1]} // so the operand need not be kept
		}
	}
	key := fmt.Sprint("element ", kind, op)
	for _, v := range in {
		key += fmt.Sprint(" ", v.index)
	}
	return w.once(key, func() *value {
		v := w.add(kind, broadcast(in...), &element{op: op, in: slices.Clone(in)})
		if op == kernel.Relu {
			w.relus[in[0]] = v
		}
		return v
	})
}

// again says whether a value is quickly computed from one tensor as large, as the result of a batch norm is: then a gradient does so rather than
// read another tensor.
func again(v *value) bool {
	operations := 0
	large := map[*value]bool{}
	var walk func(v *value)
	walk = func(u *value) {
		e, ok := u.maker.(*element)
		switch {
		case size(u.shape) != size(v.shape):
		case !ok:
			large[u] = true
		default:
			operations++
			for _, in := range e.in {
				walk(in)
			}
		}
	}
	walk(v)
	return operations > 0 && operations < cheap && len(large) == 1
}

// fold puts the named dimensions together; those stay, of one element.
func (w *writer) fold(kind kernel.Fold, v *value, scale float64, axes ...int) *value {
	over := make([]bool, len(v.shape))
	shape := slices.Clone(v.shape)
	n := 1
	for _, d := range axes {
		over[d] = true
		n *= shape[d]
		shape[d] = 1
	}
	if n == 1 && scale == 1 {
		return v
	}
	return w.once(fmt.Sprint("fold ", kind, scale, over, v.index), func() *value {
		return w.add(tensor.Float32, shape, &fold{kind, scale, over, v})
	})
}

func (w *writer) sum(v *value, axes ...int) *value { return w.fold(kernel.FoldSum, v, 1, axes...) }

func (w *writer) mean(v *value, axes ...int) *value {
	n := 1
	for _, d := range axes {
		n *= v.shape[d]
	}
	return w.fold(kernel.FoldSum, v, 1/float64(n), axes...)
}

func (w *writer) look(key string, v *value, shape []int, of, back func(layout) (layout, bool)) *value {
	return w.once(fmt.Sprint("view ", v.index, key), func() *value { return w.add(v.kind, shape, &view{of: of, back: back, in: v}) })
}

// after is v, which nothing reads before another value is made.
func (w *writer) after(v, other *value) *value {
	return w.once(fmt.Sprint("after ", v.index, " ", other.index), func() *value {
		same := func(l layout) (layout, bool) { return l, true }
		return w.add(v.kind, v.shape, &view{back: same, in: v, after: other})
	})
}

func (w *writer) reshape(v *value, shape ...int) *value {
	if slices.Equal(v.shape, shape) {
		return v
	}
	shape = slices.Clone(shape)
	return w.look(fmt.Sprint("reshape", shape), v, shape,
		func(l layout) (layout, bool) { return l.reshape(shape) },
		func(l layout) (layout, bool) { return l.reshape(v.shape) })
}

func (w *writer) transpose(v *value, perm ...int) *value {
	shape := make([]int, len(perm))
	same := true
	for i, d := range perm {
		shape[i] = v.shape[d]
		same = same && i == d
	}
	if same {
		return v
	}
	perm = slices.Clone(perm)
	inverse := make([]int, len(perm))
	for i, d := range perm {
		inverse[d] = i
	}
	return w.look(fmt.Sprint("transpose", perm), v, shape,
		func(l layout) (layout, bool) { return l.permute(perm), true },
		func(l layout) (layout, bool) { return l.permute(inverse), true })
}

func (w *writer) expand(v *value, shape ...int) *value {
	if slices.Equal(v.shape, shape) {
		return v
	}
	shape = slices.Clone(shape)
	return w.look(fmt.Sprint("expand", shape), v, shape, func(l layout) (layout, bool) { return l.broadcast(shape), true }, nil)
}

// slice takes count entries of a dimension from start on, every step-th; step may be negative.
func (w *writer) slice(v *value, dim, start, step, count int) *value {
	if start == 0 && step == 1 && count == v.shape[dim] {
		return v
	}
	shape := slices.Clone(v.shape)
	shape[dim] = count
	return w.look(fmt.Sprint("slice ", []int{dim, start, step, count}), v, shape,
		func(l layout) (layout, bool) { return l.slice(dim, start, step, count) }, nil)
}

// invoke makes the outputs of a call; the key tells calls of the same name and operands apart.
func (w *writer) invoke(key string, c call, kind tensor.Type, shapes ...[]int) []*value {
	key = c.name + " " + key
	for _, v := range c.in {
		if v == nil {
			key += " -"
			continue
		}
		key += fmt.Sprint(" ", v.index)
	}
	if made := w.calls[key]; made != nil {
		return made.out
	}
	made := &c
	w.calls[key] = made
	made.in = slices.DeleteFunc(slices.Clone(c.in), func(v *value) bool { return v == nil })
	for i, shape := range shapes {
		made.out = append(made.out, w.add(kind, shape, &result{made, i}))
	}
	return made.out
}
