package lower

import (
	"slices"

	"visus/graph"
	"visus/tensor"
)

// convGradInput is a convolution with turned kernels where windows move by single steps: three times as fast on ONNX Runtime as ConvTranspose,
// which it is for larger strides.
func convGradInput(b *graph.Builder, c call) []graph.Value {
	dy, weights, spatial := c.x[0], c.x[1], ints(c.Ints("shape"))
	w := windowOf(b, c.Node, sizes(weights)[2:])
	group := int(c.Int("group", 1))
	axes := len(w.kernel)
	begin, end, extra := make([]int, axes), make([]int, axes), make([]int, axes)
	flip := !slices.ContainsFunc(w.stride, func(s int) bool { return s != 1 })
	for i := range axes {
		w.end[i] = (sizes(dy)[i+2]-1)*w.stride[i] + w.reach(i) - w.begin[i] - spatial[i] // what windows really reach behind the input
		begin[i], end[i] = w.reach(i)-1-w.begin[i], w.reach(i)-1-w.end[i]
		flip = flip && begin[i] >= 0 && end[i] >= 0
		extra[i], w.end[i] = max(0, -w.end[i]), max(0, w.end[i])
	}
	attributes := []graph.Attribute{attribute("dilations", int64s(w.dilation...)), attribute("group", int64(group))}
	if flip {
		attributes = append(attributes, attribute("pads", int64s(append(begin, end...)...)))
		return []graph.Value{b.Op("Conv", []graph.Value{dy, turn(b, weights, group)}, attributes...)}
	}
	attributes = append(attributes, attribute("strides", int64s(w.stride...)), attribute("pads", int64s(slices.Concat(w.begin, w.end)...)))
	for i, more := range extra {
		if more >= w.stride[i] { // as output_padding it would be illegal
			return []graph.Value{margins(b, b.Op("ConvTranspose", []graph.Value{dy, weights}, attributes...), make([]int, axes), extra)}
		}
	}
	return []graph.Value{b.Op("ConvTranspose", []graph.Value{dy, weights}, append(attributes, attribute("output_padding", int64s(extra...)))...)}
}

// turn makes kernels [O,C/group,k...] those of the opposite convolution, [C,O/group,k...] with every spatial axis reversed.
func turn(b *graph.Builder, weights graph.Value, group int) graph.Value {
	shape := sizes(weights)
	out, each, kernel := shape[0], shape[1], shape[2:]
	v := weights
	if group == 1 {
		perm := []int{1, 0}
		for i := range kernel {
			perm = append(perm, i+2)
		}
		v = transpose(b, v, perm...)
	} else {
		v = reshape(b, v, group, out/group, each, elements(kernel))
		v = reshape(b, transpose(b, v, 0, 2, 1, 3), append([]int{group * each, out / group}, kernel...)...)
	}
	var starts, ends, axes, steps []int64
	for i, k := range kernel {
		if k > 1 {
			starts, ends, axes, steps = append(starts, -1), append(ends, -1<<31), append(axes, int64(i+2)), append(steps, -1)
		}
	}
	if len(axes) == 0 {
		return v
	}
	return b.Op("Slice", []graph.Value{v, b.Ints(starts...), b.Ints(ends...), b.Ints(axes...), b.Ints(steps...)})
}

// convGradWeight is a sum of matrix products: a tap k of the kernel pairs dy[j] with x[j·stride + k·dilation − pad]. Either x is copied for every tap
// (im2col), or for the taps of a row of the kernel only, and dy for the rows; what copies less is taken. No array changes its layout: samples
// are multiplied one by one, and the products summed. BenchmarkConvGradients measures it.
func convGradWeight(b *graph.Builder, c call) []graph.Value {
	x, dy := c.x[0], c.x[1]
	kernel := ints(c.Ints("kernel_shape"))
	w := windowOf(b, c.Node, kernel)
	if len(kernel) == 1 {
		w = w.row()
		x, dy = reshape(b, x, slices.Insert(slices.Clone(sizes(x)), 2, 1)...), reshape(b, dy, slices.Insert(slices.Clone(sizes(dy)), 2, 1)...)
	}
	group := int(c.Int("group", 1))
	g := weightGradient{b: b, w: w, x: x, dy: dy, samples: sizes(x)[0], group: group, in: sizes(x)[1], out: sizes(dy)[1], places: sizes(dy)[2:]}
	product := g.byTaps
	if rows := w.kernel[0]; g.in*elements(w.kernel) >= g.out*rows+g.in*elements(w.kernel[1:]) {
		product = g.byRows
	}
	return []graph.Value{reshape(b, product(), append([]int{g.out, g.in / group}, kernel...)...)}
}

// byTaps stacks x for every tap: [N, O, positions] times [N, positions, taps·C], for each group.
func (g *weightGradient) byTaps() graph.Value {
	b, each := g.b, g.in/g.group
	var taps []graph.Value
	for row := range g.w.kernel[0] {
		for _, column := range g.columns() {
			taps = append(taps, g.moved(row*g.w.dilation[0], g.places[0], column))
		}
	}
	d := reshape(b, g.dy, g.samples, g.group, g.out/g.group, elements(g.places))
	m := sum(b, b.Op("MatMul", []graph.Value{d, transpose(b, concat(b, 2, taps), 0, 1, 3, 2)}), false, 0) // [group, O/group, taps·C/group]
	return transpose(b, reshape(b, m, g.out, len(taps), each), 0, 2, 1)
}

// byRows moves x along all axes but the first, which copies rows, and dy along the first: all its moved copies are stacked as further channels by
// one Gather of whole rows. So [N, rows·O, positions] times [N, positions, C] gives, for each column of the kernel, as many of its rows as
// share x's rows: a stride along the first axis takes these apart by their remainder.
func (g *weightGradient) byRows() graph.Value {
	b, each := g.b, g.in/g.group
	columns := g.columns()
	var order []int
	var parts []graph.Value
	for remainder := range g.w.stride[0] {
		rows, shifts := g.rows(remainder)
		if len(rows) == 0 {
			continue
		}
		d := g.stack(shifts)
		var taps []graph.Value
		for _, column := range columns {
			x := transpose(b, g.moved(remainder, g.places[0]+slices.Max(shifts), column), 0, 1, 3, 2)
			m := sum(b, b.Op("MatMul", []graph.Value{d, x}), false, 0) // [group, O/group·rows, C/group]
			taps = append(taps, reshape(b, m, g.out, len(rows), 1, each))
		}
		parts = append(parts, concat(b, 2, taps))
		order = append(order, rows...)
	}
	all := concat(b, 1, parts) // [O, rows, columns, C/group]
	if !slices.IsSorted(order) {
		from := make([]int64, len(order))
		for at, row := range order {
			from[row] = int64(at)
		}
		all = b.Op("Gather", []graph.Value{all, b.Ints(from...)}, attribute("axis", int64(1)))
	}
	return transpose(b, all, 0, 3, 1, 2)
}

// weightGradient is the gradient of one convolution's weights under way.
type weightGradient struct {
	b                       *graph.Builder
	w                       window
	x, dy                   graph.Value // of rank 4 at least
	samples, group, in, out int
	places                  []int       // spatial sizes of dy
	padded                  graph.Value // x with padding, once it is needed
}

// rows lists the kernel's rows k with k·dilation = shift·stride + remainder, and their shifts.
func (g *weightGradient) rows(remainder int) (rows, shifts []int) {
	for k := range g.w.kernel[0] {
		if at := k * g.w.dilation[0]; at%g.w.stride[0] == remainder {
			rows, shifts = append(rows, k), append(shifts, at/g.w.stride[0])
		}
	}
	return rows, shifts
}

// columns lists the taps of the kernel's other axes, row-major.
func (g *weightGradient) columns() [][]int {
	out := [][]int{{}}
	for _, k := range g.w.kernel[1:] {
		var next [][]int
		for _, head := range out {
			for i := range k {
				next = append(next, append(slices.Clone(head), i))
			}
		}
		out = next
	}
	return out
}

// stack returns dy moved down by each of the shifts, side by side as channels: [N, group, O/group·shifts, positions].
func (g *weightGradient) stack(shifts []int) graph.Value {
	b, most := g.b, slices.Max(shifts)
	shape := []int{g.samples, g.group, g.out / g.group * len(shifts), (g.places[0] + most) * elements(g.places[1:])}
	if most == 0 {
		return reshape(b, g.dy, shape...) // a single shift, by nothing
	}
	before, behind := make([]int, len(g.places)), make([]int, len(g.places))
	behind[0] = 1 // a row of zeros to take from
	from := tensor.New(tensor.Int64, len(shifts), g.places[0]+most)
	at := tensor.Values[int64](from)
	for i, shift := range shifts {
		for row := range g.places[0] + most {
			source := row - shift
			if source < 0 || source >= g.places[0] {
				source = g.places[0]
			}
			at[i*(g.places[0]+most)+row] = int64(source)
		}
	}
	v := b.Op("Gather", []graph.Value{margins(b, g.dy, before, behind), b.Constant(from)}, attribute("axis", int64(2)))
	return reshape(b, v, shape...)
}

// moved returns x where the kernel's column meets it, with so many rows from one on: [N, group, C/group, positions].
func (g *weightGradient) moved(row, rows int, column []int) graph.Value {
	b, w, shape := g.b, g.w, sizes(g.x)[2:]
	axes := len(shape)
	first, count := make([]int, axes), slices.Clone(g.places)
	first[0], count[0] = row, rows
	for i, k := range column {
		first[i+1] = k * w.dilation[i+1]
	}
	// What is taken of axis i is first + stride·(0 ... count-1), in coordinates that begin at −pad.
	before, behind, last, single := make([]int, axes), make([]int, axes), make([]int, axes), true
	for i := range axes {
		last[i] = first[i] + w.stride[i]*(count[i]-1)
		before[i], behind[i] = w.begin[i]-first[i], last[i]+1-w.begin[i]-shape[i]
		single = single && w.stride[i] == 1 && -before[i] < shape[i] && -behind[i] < shape[i]
	}
	v := g.x
	if single {
		v = margins(b, v, before, behind) // one copy
	} else {
		v = g.taken(first, last)
	}
	return reshape(b, v, g.samples, g.group, g.in/g.group, elements(count))
}

// taken slices x with its padding, which all slices share, in strides.
func (g *weightGradient) taken(first, last []int) graph.Value {
	b, w := g.b, g.w
	if g.padded.Name == "" {
		behind := make([]int, len(first))
		for i, size := range sizes(g.x)[2:] {
			reach := w.reach(i) + w.stride[i]*g.places[i] // the stride and more behind the last window's first entry
			behind[i] = max(0, reach-w.begin[i]-size)
		}
		g.padded = margins(b, g.x, w.begin, behind)
	}
	starts, ends, axes, steps := make([]int64, len(first)), make([]int64, len(first)), make([]int64, len(first)), make([]int64, len(first))
	for i := range first {
		starts[i], ends[i], axes[i], steps[i] = int64(first[i]), int64(last[i]+1), int64(i+2), int64(w.stride[i])
	}
	return b.Op("Slice", []graph.Value{g.padded, b.Ints(starts...), b.Ints(ends...), b.Ints(axes...), b.Ints(steps...)})
}
