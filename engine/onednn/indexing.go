package onednn

import (
	"fmt"
	"slices"

	"visus/engine/onednn/kernel"
	"visus/tensor"
)

var indexing = map[string]operator{
	"OneHot": oneHot, "Trilu": trilu, "Gather": gather, "GatherElements": gatherElements, "GatherND": gatherND,
	"ScatterElements": scatterElements, "ScatterND": scatterND, "TopK": topK, "CumSum": runningSum,
}

// index is the place along a dimension of the shape, as numbers.
func (t *translator) index(n int, shape ...int) *value {
	return t.once(fmt.Sprint("index ", n, shape), func() *value {
		c := tensor.New(tensor.Float32, shape...)
		for i, v := 0, tensor.Values[float32](c); i < n; i++ {
			v[i] = float32(i)
		}
		return t.leaf("", tensor.Float32, shape, c)
	})
}

// oneHot compares each index with the places of the new dimension; indices below 0 count from the end.
func oneHot(t *translator, n *node) ([]*value, error) {
	depth, ok := n.constants(1)
	if !ok || len(depth) != 1 || depth[0] >= exact {
		return nil, fmt.Errorf("a depth that is not constant")
	}
	if err := floats(n.in[2]); err != nil {
		return nil, err
	}
	rank := len(n.shape[0])
	axis := from0(int(n.Int("axis", -1)), rank)
	indices := append([]int{}, n.shape[0]...)
	indices[axis] = 1
	places := make([]int, rank)
	for i := range places {
		places[i] = 1
	}
	places[axis] = depth[0]
	at := t.reshape(n.in[0], indices...)
	at = t.where(t.test(kernel.Less, at, t.number(0)), t.plus(at, float64(depth[0])), at)
	hit := t.test(kernel.Equal, at, t.index(depth[0], places...))
	off, on := t.slice(n.in[2], 0, 0, 1, 1), t.slice(n.in[2], 0, 1, 1, 1)
	return list(t.where(hit, on, off)), nil
}

// trilu keeps a triangle of each matrix.
func trilu(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	shift, ok := n.constants(1)
	if !ok {
		return nil, fmt.Errorf("a diagonal that is not constant")
	}
	k := 0
	if shift != nil {
		k = shift[0]
	}
	r := len(x.shape)
	rows, columns := t.index(x.shape[r-2], x.shape[r-2], 1), t.index(x.shape[r-1], 1, x.shape[r-1])
	distance := t.plus(t.el(kernel.Sub, columns, rows), float64(-k))
	kept := t.test(kernel.GreaterEqual, distance, t.number(0))
	if n.Int("upper", 1) == 0 {
		kept = t.test(kernel.LessEqual, distance, t.number(0))
	}
	return list(t.where(kept, x, t.number(0))), floats(x)
}

// gathered is up to how many constant indices are taken as slices.
const gathered = 4096

// gather takes entries of a dimension. Constant indices are slices, one for each run of them.
func gather(t *translator, n *node) ([]*value, error) {
	x, axis := n.in[0], n.axis("axis", 0)
	indices, ok := n.constants(1)
	if !ok || len(indices) > gathered {
		return t.take(n, axis, 1)
	}
	for i := range indices {
		if indices[i] = from0(indices[i], x.shape[axis]); indices[i] < 0 || indices[i] >= x.shape[axis] {
			return nil, fmt.Errorf("an index outside of a dimension of %d", x.shape[axis])
		}
	}
	var parts []*value
	for first := 0; first < len(indices); {
		step, next := 1, first+1
		if next < len(indices) && indices[next] != indices[first] {
			step = indices[next] - indices[first]
		}
		for next < len(indices) && indices[next] == indices[next-1]+step {
			next++
		}
		parts = append(parts, t.slice(x, axis, indices[first], step, next-first))
		first = next
	}
	return list(t.reshape(t.concat(axis, parts), n.shape[0]...)), nil
}

// gatherND takes slices at tuples of indices, which lie along the last dimension.
func gatherND(t *translator, n *node) ([]*value, error) {
	batch := int(n.Int("batch_dims", 0))
	index := n.in[1].shape
	return t.take(n, batch, index[len(index)-1])
}

// take takes slices of x at tuples of depth indices, behind leading dimensions. Of Gather these are batches that have the same indices, of
// GatherND such that have their own.
func (t *translator) take(n *node, batch, depth int) ([]*value, error) {
	x, indices := n.in[0], t.wide(n.in[1])
	if err := whole(indices); err != nil {
		return nil, err
	}
	if size(n.shape[0]) == 0 || depth == 0 {
		return nil, fmt.Errorf("no indices")
	}
	k := kernel.Take{Batches: size(x.shape[:batch]), Bytes: size(x.shape[batch+depth:]) * width(x.kind)}
	k.Count = size(indices.shape) / depth
	if n.Op == "GatherND" {
		k.Count /= k.Batches
		k.Own = k.Count * depth
	}
	k.Batch = size(x.shape[batch:]) * width(x.kind)
	k.Tuple = tuple(x.shape[batch:], depth, width(x.kind))
	c := call{name: "Take", in: []*value{x, indices}}
	c.plan = func(p *planner, c *call) error {
		return p.special(c, func(out place, in []place) stepper {
			k.Data, k.Indices, k.Out = in[0].pointer(), in[1].pointer(), out.pointer()
			return k
		})
	}
	return t.invoke(fmt.Sprint(n.Op, batch, n.shape[0]), c, x.kind, n.shape[0]), nil
}

// tuple are the first dimensions of a shape, indexed together.
func tuple(shape []int, depth, width int) kernel.Tuple {
	var t kernel.Tuple
	for d := range depth {
		t.Sizes, t.Strides = append(t.Sizes, shape[d]), append(t.Strides, size(shape[d+1:])*width)
	}
	return t
}

// wide are indices as int64.
func (t *translator) wide(indices *value) *value {
	if indices.kind == tensor.Int32 {
		return t.integers(tensor.Int64, kernel.Copy, indices)
	}
	return indices
}

// special plans a call of one output that a kernel of ours makes of dense operands.
func (p *planner) special(c *call, make func(out place, in []place) stepper) error {
	in, err := p.plains(c.in)
	if err != nil {
		return err
	}
	out := p.room(c.out[0].kind, dense(c.out[0].shape))
	p.places[c.out[0]] = out
	p.kernel(c.name, func() stepper { return make(out, in) }, out, in...)
	return nil
}

func (p *planner) plains(values []*value) ([]place, error) {
	var out []place
	for _, v := range values {
		at, err := p.plain(v)
		if err != nil {
			return nil, err
		}
		out = append(out, at)
	}
	return out, nil
}

// changed plans a call whose kernel changes a copy of x by means of dense operands.
func (p *planner) changed(c *call, x *value, make func(out place) stepper, in ...place) error {
	from, err := p.place(x)
	if err != nil {
		return err
	}
	out := p.room(c.out[0].kind, dense(c.out[0].shape))
	if err := p.copy(from, out, buffers(in)...); err != nil {
		return err
	}
	p.places[c.out[0]] = out
	p.kernel(c.name, func() stepper { return make(out) }, out, append(in, out)...)
	return nil
}

// indices are where a kernel reads indices along a dimension. They are shared where those behind it repeat one.
func (p *planner) indices(v *value, axis int) (at place, shared bool, err error) {
	if at, err = p.place(v); err != nil {
		return place{}, false, err
	}
	l := at.layout
	l.dims = slices.Clone(l.dims)
	for d := axis + 1; d < len(l.dims); d++ {
		if slices.ContainsFunc(l.dims[d], func(f factor) bool { return f.size != 1 && f.stride != 0 }) {
			at, err = p.plain(v)
			return at, false, err
		}
		l.dims[d] = []factor{{1, 0}}
	}
	at = place{buffer: at.buffer, kind: at.kind, layout: l}
	if !l.plain() {
		at, err = p.dense(at)
	}
	return at, true, err
}

// line is a shape seen from one dimension: [before, n, behind].
func line(shape []int, axis int) (before, n, behind int) {
	return size(shape[:axis]), shape[axis], size(shape[axis+1:])
}

// beside cuts a value in all dimensions but one to those of the indices, which may be fewer there.
func (t *translator) beside(x *value, axis int, indices []int) *value {
	for d, n := range indices {
		if d != axis {
			x = t.slice(x, d, 0, 1, n)
		}
	}
	return x
}

func gatherElements(t *translator, n *node) ([]*value, error) {
	axis := n.axis("axis", 0)
	return list(t.pick(n.in[0], t.wide(n.in[1]), axis)), whole(n.in[1])
}

// pick takes the elements of x at indices along a dimension.
func (t *translator) pick(x, indices *value, axis int) *value {
	x = t.beside(x, axis, indices.shape)
	before, count, behind := line(indices.shape, axis)
	k := kernel.Pick{Before: before, N: x.shape[axis], Count: count, Behind: behind, Width: width(x.kind)}
	c := call{name: "Pick", in: []*value{x, indices}}
	c.plan = func(p *planner, c *call) error {
		from, err := p.plain(x)
		if err != nil {
			return err
		}
		where, shared, err := p.indices(indices, axis)
		if err != nil {
			return err
		}
		k.Shared = shared
		out := p.room(x.kind, dense(indices.shape))
		p.places[c.out[0]] = out
		p.kernel(c.name, func() stepper {
			k.Data, k.Indices, k.Out = from.pointer(), where.pointer(), out.pointer()
			return k
		}, out, from, where)
		return nil
	}
	return t.invoke(fmt.Sprint(axis), c, x.kind, indices.shape)[0]
}

// reduction is how a scatter's updates join what is there.
func (n *node) reduction() (kernel.Reduction, error) {
	r, ok := map[string]kernel.Reduction{
		"none": kernel.Replace, "add": kernel.Accumulate, "mul": kernel.Multiply, "max": kernel.Largest, "min": kernel.Smallest,
	}[n.Text("reduction", "none")]
	if !ok {
		return 0, fmt.Errorf("reduction %q", n.Text("reduction", ""))
	}
	if r != kernel.Replace && n.in[0].kind != tensor.Float32 {
		return 0, fmt.Errorf("a reduction of %s", n.in[0].kind)
	}
	return r, whole(n.in[1])
}

// scatterElements: where there are fewer indices than entries beside the dimension, the others stay.
func scatterElements(t *translator, n *node) ([]*value, error) {
	x, indices, updates, axis := n.in[0], t.wide(n.in[1]), n.in[2], n.axis("axis", 0)
	reduction, err := n.reduction()
	if err != nil {
		return nil, err
	}
	part := t.beside(x, axis, indices.shape)
	before, count, behind := line(indices.shape, axis)
	k := kernel.Pick{Before: before, N: x.shape[axis], Count: count, Behind: behind, Width: width(x.kind), Reduction: reduction}
	c := call{name: "Scatter", in: []*value{part, indices, updates}}
	c.plan = func(p *planner, c *call) error {
		where, shared, err := p.indices(indices, axis)
		if err != nil {
			return err
		}
		from, err := p.plain(updates)
		if err != nil {
			return err
		}
		k.Shared = shared
		return p.changed(c, part, func(out place) stepper {
			k.Indices, k.Updates, k.Out = where.pointer(), from.pointer(), out.pointer()
			return k
		}, where, from)
	}
	out := t.invoke(fmt.Sprint(axis, reduction), c, x.kind, part.shape)[0]
	if part == x {
		return list(out), nil
	}
	return list(t.assemble(x.shape, 0, true, part0(x), part0(out))), nil
}

// part0 is an operand that goes where the whole begins.
func part0(v *value) part { return part{v, make([]int, len(v.shape))} }

func scatterND(t *translator, n *node) ([]*value, error) {
	x, indices, updates := n.in[0], t.wide(n.in[1]), n.in[2]
	reduction, err := n.reduction()
	if err != nil {
		return nil, err
	}
	depth := indices.shape[len(indices.shape)-1]
	if depth == 0 {
		return nil, fmt.Errorf("no indices")
	}
	w := width(x.kind)
	k := kernel.Put{Count: size(indices.shape) / depth, Bytes: size(x.shape[depth:]) * w, Whole: size(x.shape) * w, Reduction: reduction}
	k.Tuple = tuple(x.shape, depth, w)
	c := call{name: "Put", in: []*value{x, indices, updates}}
	c.plan = func(p *planner, c *call) error {
		in, err := p.plains([]*value{indices, updates})
		if err != nil {
			return err
		}
		return p.changed(c, x, func(out place) stepper {
			k.Indices, k.Updates, k.Out = in[0].pointer(), in[1].pointer(), out.pointer()
			return k
		}, in...)
	}
	return t.invoke(fmt.Sprint(depth, reduction), c, x.kind, x.shape), nil
}

// topK finds the places of the largest or smallest entries, and takes these. They are in order, also where that is not asked for.
func topK(t *translator, n *node) ([]*value, error) {
	x, axis := n.in[0], n.axis("axis", -1)
	if err := floats(x); err != nil {
		return nil, err
	}
	before, count, behind := line(x.shape, axis)
	k := kernel.Top{Before: before, N: count, Behind: behind, K: n.shape[0][axis], Smallest: n.Int("largest", 1) == 0}
	c := call{name: "TopK", in: []*value{x}}
	c.plan = func(p *planner, c *call) error {
		return p.special(c, func(out place, in []place) stepper {
			k.X, k.Out = in[0].pointer(), out.pointer()
			return k
		})
	}
	places := t.invoke(fmt.Sprint(axis, k.Smallest, n.shape[0]), c, tensor.Int64, n.shape[0])[0]
	return []*value{t.pick(x, places, axis), places}, nil
}

// runningSum adds up along a dimension.
func runningSum(t *translator, n *node) ([]*value, error) {
	x := n.in[0]
	axes, ok := n.constants(1)
	if !ok || len(axes) != 1 {
		return nil, fmt.Errorf("an axis that is not constant")
	}
	axis := from0(axes[0], len(x.shape))
	before, count, behind := line(x.shape, axis)
	k := kernel.Running{Before: before, N: count, Behind: behind, Exclusive: n.Int("exclusive", 0) != 0, Backward: n.Int("reverse", 0) != 0}
	c := call{name: "CumSum", in: []*value{x}}
	c.plan = func(p *planner, c *call) error {
		return p.special(c, func(out place, in []place) stepper {
			k.X, k.Out = in[0].pointer(), out.pointer()
			return k
		})
	}
	return t.invoke(fmt.Sprint(axis, k.Exclusive, k.Backward), c, x.kind, x.shape), floats(x)
}
