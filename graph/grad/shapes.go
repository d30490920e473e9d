package grad

import (
	"errors"
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// shapes are the rules of operators that move entries without changing them: each entry's gradient moves back, those that were left out get
// zero, and those that were copied get the sum.
var shapes = map[string]rule{
	"Reshape": back, "Flatten": back, "Squeeze": back, "Unsqueeze": back,
	// Transpose: the axes go back to where they were.
	"Transpose": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{transpose(b, c.dy[0], inverse(permutation(c)))}
	},
	"Concat": concatRule, "Split": splitRule, "Slice": sliceRule, "Pad": padRule,
	// Expand: the walk sums the copies.
	"Expand": func(_ *graph.Builder, c call) []graph.Value { return c.dy[:1] },
	"Tile":   tileRule,
	// Trilu keeps a triangle; what it sets to zero has no gradient.
	"Trilu": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{b.Op("Trilu", append([]graph.Value{c.dy[0]}, c.x[1:]...), c.Attributes...)}
	},
	"DepthToSpace": depthToSpaceRule,
	// SpaceToDepth: its inverse is DepthToSpace in its default order.
	"SpaceToDepth": func(b *graph.Builder, c call) []graph.Value {
		return []graph.Value{b.Op("DepthToSpace", c.dy[:1], attribute("blocksize", c.Int("blocksize", 1)))}
	},
}

func attribute(name string, value any) graph.Attribute {
	return graph.Attribute{Name: name, Value: value}
}

// integers are sizes or axes as attributes hold them.
func integers(list []int) []int64 {
	out := make([]int64, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}

// elements is the product of sizes.
func elements(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}

// axisOf counts a negative axis from the end.
func axisOf(axis int64, rank int) int {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis)
}

// listed returns the i-th input of a node where it is a list of whole numbers that is known; a list left out is nil. Gradients of operators
// whose list is only known when they run are an error.
func listed(b *graph.Builder, c call, i int, what string) ([]int64, bool) {
	if c.Input(i) == "" {
		return nil, true
	}
	list, ok := b.Integers(c.x[i])
	if !ok {
		b.Fail(c.Op, fmt.Errorf("its gradient needs constant %s; %q is only known when the graph runs", what, c.Input(i)))
	}
	return list, ok
}

// zeros is an array of zeros.
func zeros(b *graph.Builder, kind tensor.Type, shape []int) graph.Value {
	return b.Op("ConstantOfShape", []graph.Value{list(b, shape)}, attribute("value", tensor.New(kind, 1)))
}

// reshape gives v another shape of as many elements.
func reshape(b *graph.Builder, v graph.Value, shape []int) graph.Value {
	if slices.Equal(sizes(v), shape) {
		return v
	}
	var attributes []graph.Attribute
	if slices.Contains(shape, 0) {
		attributes = append(attributes, attribute("allowzero", int64(1)))
	}
	return b.Op("Reshape", []graph.Value{v, list(b, shape)}, attributes...)
}

// transpose puts axis perm[i] of v at place i.
func transpose(b *graph.Builder, v graph.Value, perm []int) graph.Value {
	if slices.IsSorted(perm) {
		return v
	}
	return b.Op("Transpose", []graph.Value{v}, attribute("perm", integers(perm)))
}

// inverse returns the permutation that undoes perm.
func inverse(perm []int) []int {
	out := make([]int, len(perm))
	for i, p := range perm {
		out[p] = i
	}
	return out
}

// permutation reads a Transpose, which reverses the axes where it does not say otherwise.
func permutation(c call) []int {
	perm := make([]int, len(sizes(c.x[0])))
	for i := range perm {
		perm[i] = len(perm) - 1 - i
	}
	for i, p := range c.Ints("perm") {
		perm[i] = axisOf(p, len(perm))
	}
	return perm
}

// margins adds zeros before and behind each axis, or, where negative, takes entries away.
func margins(b *graph.Builder, v graph.Value, before, behind []int) graph.Value {
	nonzero := func(n int) bool { return n != 0 }
	if !slices.ContainsFunc(before, nonzero) && !slices.ContainsFunc(behind, nonzero) {
		return v
	}
	return b.Op("Pad", []graph.Value{v, list(b, slices.Concat(before, behind))})
}

// back: the entries keep their order, so the gradient takes the input's shape again.
func back(b *graph.Builder, c call) []graph.Value {
	return []graph.Value{reshape(b, c.dy[0], sizes(c.x[0]))}
}

// concatRule gives each input its part.
func concatRule(b *graph.Builder, c call) []graph.Value {
	axis := axisOf(c.Int("axis", 0), len(sizes(c.y[0])))
	lengths := make([]int, len(c.x))
	for i, v := range c.x {
		lengths[i] = sizes(v)[axis]
	}
	return split(b, c.dy[0], axis, lengths)
}

// split cuts v along an axis.
func split(b *graph.Builder, v graph.Value, axis int, lengths []int) []graph.Value {
	if len(lengths) == 1 {
		return []graph.Value{v}
	}
	return b.Ops("Split", len(lengths), []graph.Value{v, list(b, lengths)}, attribute("axis", int64(axis)))
}

// splitRule joins the parts' gradients, with zeros for parts that have none.
func splitRule(b *graph.Builder, c call) []graph.Value {
	parts := make([]graph.Value, len(c.y))
	for i, part := range c.dy {
		if part.Name == "" {
			part = zeros(b, c.x[0].Type, sizes(c.y[i]))
		}
		parts[i] = part
	}
	return []graph.Value{concat(b, axisOf(c.Int("axis", 0), len(sizes(c.x[0]))), parts...)}
}

func concat(b *graph.Builder, axis int, parts ...graph.Value) graph.Value {
	if len(parts) == 1 {
		return parts[0]
	}
	return b.Op("Concat", parts, attribute("axis", int64(axis)))
}

// sliceRule puts what was taken back to its places: axes that were walked backwards are turned round, strides filled with zeros, and zeros
// put at either end.
func sliceRule(b *graph.Builder, c call) []graph.Value {
	shape, dy := sizes(c.x[0]), c.dy[0]
	if elements(sizes(dy)) == 0 {
		return []graph.Value{zeros(b, dy.Type, shape)}
	}
	first, step, ok := strides(b, c)
	if !ok {
		return nil
	}
	dy = turn(b, dy, step)
	before, behind := make([]int, len(shape)), make([]int, len(shape))
	for i, size := range shape {
		count := sizes(c.y[0])[i]
		if step[i] < 0 {
			step[i] = -step[i]
			first[i] -= (count - 1) * step[i]
		}
		before[i] = first[i]
		behind[i] = size - first[i] - count*step[i] // negative where the zeros behind the last entry reach over the end
	}
	return []graph.Value{margins(b, dilate(b, dy, step), before, behind)}
}

// strides returns where a Slice begins on each axis, and its step.
func strides(b *graph.Builder, c call) (first, step []int, ok bool) {
	shape := sizes(c.x[0])
	starts, ok1 := listed(b, c, 1, "starts")
	axes, ok2 := listed(b, c, 3, "axes")
	steps, ok3 := listed(b, c, 4, "steps")
	first, step = make([]int, len(shape)), make([]int, len(shape))
	for i := range step {
		step[i] = 1
	}
	for i, start := range starts {
		axis, last := i, int64(0)
		if axes != nil {
			axis = axisOf(axes[i], len(shape))
		}
		if steps != nil {
			step[axis] = int(steps[i])
		}
		if step[axis] < 0 {
			last = 1 // a walk backwards begins at the last entry at most
		}
		size := int64(shape[axis])
		if start < 0 {
			start += size
		}
		first[axis] = int(min(max(start, 0), size-last))
	}
	return first, step, ok1 && ok2 && ok3
}

// turn reverses the axes whose step is negative.
func turn(b *graph.Builder, v graph.Value, step []int) graph.Value {
	var axes []int64
	for i, s := range step {
		if s < 0 && sizes(v)[i] > 1 {
			axes = append(axes, int64(i))
		}
	}
	if axes == nil {
		return v
	}
	starts, ends := make([]int64, len(axes)), make([]int64, len(axes))
	for i := range axes {
		starts[i], ends[i] = -1, -1<<31
	}
	return b.Op("Slice", []graph.Value{v, b.Ints(starts...), b.Ints(ends...), b.Ints(axes...), b.Ints(starts...)})
}

// dilate puts step-1 zeros behind each entry.
func dilate(b *graph.Builder, v graph.Value, step []int) graph.Value {
	var apart, behind, joined []int
	for i, size := range sizes(v) {
		apart, behind = append(apart, size, 1), append(behind, 0, step[i]-1)
		joined = append(joined, size*step[i])
	}
	v = margins(b, reshape(b, v, apart), make([]int, len(behind)), behind)
	return reshape(b, v, joined)
}

// padRule takes the inner part back. The constant collects what lies outside of it; reflected, repeated and wrapped entries are added to
// those that they copy. Negative pads cut first, as ONNX Runtime does, so that what was cut has no gradient.
func padRule(b *graph.Builder, c call) []graph.Value {
	before, behind, ok := pads(b, c)
	if !ok {
		return nil
	}
	mode, dy := c.Text("mode", "constant"), c.dy[0]
	if mode != "constant" {
		for axis, size := range sizes(c.x[0]) {
			if before[axis] != 0 || behind[axis] != 0 {
				dy = collect(b, dy, axis, padded(mode, size, before[axis], behind[axis]), size)
			}
		}
		return []graph.Value{dy}
	}
	for i := range before {
		before[i], behind[i] = -before[i], -behind[i]
	}
	dx := []graph.Value{margins(b, dy, before, behind)}
	if c.Input(2) != "" && c.x[2].Type == dy.Type {
		outside := sub(b, total(b, dy), total(b, dx[0]))
		dx = append(dx, graph.Value{}, reshape(b, outside, sizes(c.x[2])))
	}
	return dx
}

// pads returns how many entries a Pad adds on each axis.
func pads(b *graph.Builder, c call) (before, behind []int, ok bool) {
	rank := len(sizes(c.x[0]))
	list, ok1 := listed(b, c, 1, "pads")
	axes, ok2 := listed(b, c, 3, "axes")
	before, behind = make([]int, rank), make([]int, rank)
	for i := range len(list) / 2 {
		axis := i
		if axes != nil {
			axis = axisOf(axes[i], rank)
		}
		before[axis], behind[axis] = int(list[i]), int(list[i+len(list)/2])
	}
	return before, behind, ok1 && ok2
}

// padded returns, for each entry of a padded axis, the entry that it copies.
func padded(mode string, size, before, behind int) []int {
	cut := max(-before, 0)
	inner := size - cut - max(-behind, 0)
	from := make([]int, size+before+behind)
	for i := range from {
		from[i] = cut + copied(mode, i-max(before, 0), inner)
	}
	return from
}

// copied brings a place outside of 0..size-1 inside.
func copied(mode string, at, size int) int {
	switch mode {
	case "reflect":
		period := max(2*(size-1), 1)
		at = ((at % period) + period) % period
		return min(at, period-at)
	case "wrap":
		return ((at % size) + size) % size
	}
	return min(max(at, 0), size-1) // edge
}

// collect adds entries of an axis to those that they were copied from: out[i] is the sum of v[j] over all j with from[j] = i, for i < size.
// The first entries of every sum are gathered at once, then the second ones, and so on.
func collect(b *graph.Builder, v graph.Value, axis int, from []int, size int) graph.Value {
	sources := make([][]int, size)
	rounds := 0
	for j, i := range from {
		sources[i] = append(sources[i], j)
		rounds = max(rounds, len(sources[i]))
	}
	behind := make([]int, len(sizes(v)))
	behind[axis] = 1 // a zero, for sums that have ended
	v = margins(b, v, make([]int, len(behind)), behind)
	terms := make([]graph.Value, rounds)
	for round := range terms {
		at := make([]int64, size)
		for i, list := range sources {
			if at[i] = int64(len(from)); round < len(list) {
				at[i] = int64(list[round])
			}
		}
		terms[round] = b.Op("Gather", []graph.Value{v, b.Ints(at...)}, attribute("axis", int64(axis)))
	}
	return sum(b, terms...)
}

// sum adds values of one shape; it is a zero Value where there are none.
func sum(b *graph.Builder, terms ...graph.Value) graph.Value {
	switch len(terms) {
	case 0:
		return graph.Value{}
	case 1:
		return terms[0]
	}
	return b.Op("Sum", terms)
}

// total is the sum of all entries.
func total(b *graph.Builder, v graph.Value) graph.Value {
	return b.Op("ReduceSum", []graph.Value{v}, attribute("keepdims", int64(0)))
}

// tileRule adds the repeats up.
func tileRule(b *graph.Builder, c call) []graph.Value {
	var apart []int
	var axes []int64
	for i, size := range sizes(c.x[0]) {
		repeats := 1
		if size > 0 {
			repeats = sizes(c.y[0])[i] / size
		}
		apart, axes = append(apart, repeats, size), append(axes, int64(2*i))
	}
	if elements(sizes(c.y[0])) == 0 || len(apart) == 0 {
		return nil
	}
	dy := reshape(b, c.dy[0], apart)
	return []graph.Value{b.Op("ReduceSum", []graph.Value{dy, b.Ints(axes...)}, attribute("keepdims", int64(0)))}
}

// depthToSpaceRule moves blocks of pixels back into channels. SpaceToDepth undoes the order DCR, where a block's pixels are the slower part
// of the channels; in the order CRD they are the faster one.
func depthToSpaceRule(b *graph.Builder, c call) []graph.Value {
	block := int(c.Int("blocksize", 1))
	if mode := c.Text("mode", "DCR"); mode != "CRD" {
		return []graph.Value{b.Op("SpaceToDepth", c.dy[:1], attribute("blocksize", int64(block)))}
	}
	x := sizes(c.x[0])
	if len(x) != 4 {
		b.Fail(c.Op, errors.New("expected an input of rank 4"))
		return nil
	}
	dy := reshape(b, c.dy[0], []int{x[0], x[1] / (block * block), x[2], block, x[3], block})
	return []graph.Value{reshape(b, transpose(b, dy, []int{0, 1, 3, 5, 2, 4}), x)}
}
