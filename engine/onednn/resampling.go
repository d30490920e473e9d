package onednn

import (
	"fmt"
	"math"
	"slices"

	"visus/engine/onednn/dnnl"
	"visus/engine/onednn/kernel"
	"visus/graph/lower"
	"visus/tensor"
)

var resampling = map[string]operator{
	"Resize": resize, "visus.ResizeGrad": resizeGrad, "GridSample": gridSample, "visus.GridSampleGrad": gridSampleGrad,
	"LRN": localResponse, "LpPool": lpPool, "GlobalLpPool": globalLpPool, "visus.RedirectedRelu": clippedRelu,
}

// resize multiplies by a matrix along each axis. Its factors and sizes are constants.
func resize(t *translator, n *node) ([]*value, error) {
	x, to := n.in[0], n.shape[0]
	if len(n.in) == 2 {
		return nil, fmt.Errorf("the form that it had before opset 11")
	}
	if n.Float("extrapolation_value", 0) != 0 {
		return nil, fmt.Errorf("an extrapolation value other than 0")
	}
	rank := len(x.shape)
	axes := all(rank)
	if given := n.Ints("axes"); given != nil {
		axes = nil
		for _, a := range given {
			axes = append(axes, from0(int(a), rank))
		}
	}
	r := resizing{n: n, in: x.shape, out: to}
	for d := range rank {
		r.scales, r.start, r.end = append(r.scales, float32(to[d])/float32(x.shape[d])), append(r.start, 0), append(r.end, 1)
	}
	scales, ok := n.numbers(2)
	roi, alsoOK := n.numbers(1)
	if !ok || !alsoOK {
		return nil, fmt.Errorf("factors that are not constant")
	}
	for i, d := range axes {
		if i < len(scales) {
			r.scales[d] = scales[i]
		}
		if len(roi) == 2*len(axes) {
			r.start[d], r.end[d] = roi[i], roi[i+len(axes)]
		}
	}
	matrices, err := r.matrices()
	if err != nil {
		return nil, err
	}
	return list(t.resized(x, matrices)), floats(x)
}

// numbers returns the i-th operand's numbers, where they are constant; nil where it is left out.
func (n *node) numbers(i int) (list []float32, ok bool) {
	v := n.arg(i)
	if v == nil {
		return nil, true
	}
	l, isLeaf := v.maker.(*leaf)
	if !isLeaf || l.constant == nil {
		return nil, false
	}
	for _, f := range l.constant.Floats() {
		list = append(list, float32(f))
	}
	return list, true
}

// resizing is a Resize from the sizes in to out; entries are those of the axes.
type resizing struct {
	n                  *node
	in, out            []int
	scales, start, end []float32
}

// matrices are those along the axes, nil along one that stays as it is.
func (r resizing) matrices() ([][][]float64, error) {
	out := make([][][]float64, len(r.in))
	for d, in := range r.in {
		if r.scales[d] == 1 && in == r.out[d] {
			continue
		}
		rows, err := lower.ResizeAxis(r.n.Node, in, r.out[d], r.scales[d], r.start[d], r.end[d])
		if err != nil {
			return nil, err
		}
		out[d] = rows
	}
	return out, nil
}

// resized multiplies by a matrix along each axis. The innermost, whose entries are worked on one by one, has its turn when the tensor is small:
// first where it grows, last where it shrinks.
func (t *translator) resized(x *value, matrices [][][]float64) *value {
	axes := all(len(matrices))
	if size(x.shape) < grown(x.shape, matrices) {
		slices.Reverse(axes)
	}
	for _, d := range axes {
		if matrices[d] != nil {
			x = t.mix(x, d, sparse(matrices[d]))
		}
	}
	return x
}

// grown is the number of elements that are left.
func grown(shape []int, matrices [][][]float64) int {
	n := 1
	for d, m := range matrices {
		if m == nil {
			n *= shape[d]
		}
		n *= max(len(m), 1)
	}
	return n
}

// sparse leaves out zeros.
func sparse(rows [][]float64) kernel.Sparse {
	m := kernel.Sparse{First: []int64{0}}
	for _, row := range rows {
		for i, w := range row {
			if w != 0 {
				m.At, m.Weight = append(m.At, int32(i)), append(m.Weight, float32(w))
			}
		}
		m.First = append(m.First, int64(len(m.At)))
	}
	return m
}

// turned is the transposed matrix.
func turned(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows[0]))
	for i := range out {
		for _, row := range rows {
			out[i] = append(out[i], row[i])
		}
	}
	return out
}

// mix multiplies by a matrix along an axis.
func (t *translator) mix(x *value, axis int, m kernel.Sparse) *value {
	shape := slices.Clone(x.shape)
	shape[axis] = m.Rows()
	c := call{name: "Mix", in: []*value{x}}
	c.plan = func(p *planner, c *call) error { return p.mix(c, axis, m) }
	return t.invoke(fmt.Sprint(axis, m), c, x.kind, shape)[0]
}

// mix leaves the elements in the order in which they lie, where no other dimension is split by the axis.
func (p *planner) mix(c *call, axis int, m kernel.Sparse) error {
	from, err := p.place(c.in[0])
	if err != nil {
		return err
	}
	k := kernel.Mix{N: c.in[0].shape[axis], Behind: 1, Matrix: m}
	l, behind, ok := from.layout.resize(axis, m.Rows())
	if !ok {
		if from, err = p.plain(c.in[0]); err != nil {
			return err
		}
		if l, behind, ok = from.layout.resize(axis, m.Rows()); !ok {
			return fmt.Errorf("axis %d of %v", axis, c.in[0].shape)
		}
	}
	k.Behind = behind
	k.Before = size(c.in[0].shape) / k.N / behind
	out := p.room(tensor.Float32, l)
	p.places[c.out[0]] = out
	p.kernel(c.name, func() stepper {
		k.X, k.Out = from.pointer(), out.pointer()
		return k
	}, out, from)
	return nil
}

// resize gives a dimension another size, the elements of the others staying in their order; behind is how many lie between two of its entries.
// ok is false where there are gaps, or the dimension is split.
func (l layout) resize(d, to int) (out layout, behind int, ok bool) {
	joined := layout{dims: [][]factor{l.dims[d]}}.canonical()
	if !l.compact() || len(joined) > 1 {
		return layout{}, 0, false
	}
	from, behind := 1, 0
	if len(joined) == 1 {
		from, behind = joined[0].size, joined[0].stride
	} else {
		behind = 1 // one entry: it lies innermost
	}
	out = layout{dims: make([][]factor, len(l.dims))}
	for i, factors := range l.dims {
		out.dims[i] = slices.Clone(factors)
		for k, f := range factors {
			switch {
			case i == d:
			case len(joined) == 1 && f.stride >= from*behind, len(joined) == 0:
				out.dims[i][k].stride = f.stride / from * to
			}
		}
	}
	out.dims[d] = []factor{{to, behind}}
	return out, behind, true
}

// resizeGrad multiplies by the transposed matrices.
func resizeGrad(t *translator, n *node) ([]*value, error) {
	dy, shape := n.in[0], n.shape[0]
	rank := len(shape)
	r := resizing{n: n, in: shape, out: dy.shape, start: make([]float32, rank), end: slices.Repeat([]float32{1}, rank)}
	r.scales, _ = n.Attribute("scales").([]float32)
	roi, _ := n.Attribute("roi").([]float32)
	if len(r.scales) != rank {
		return nil, fmt.Errorf("%d factors for %d axes", len(r.scales), rank)
	}
	if len(roi) == 2*rank {
		r.start, r.end = roi[:rank], roi[rank:]
	}
	matrices, err := r.matrices()
	if err != nil {
		return nil, err
	}
	for d, m := range matrices {
		if m != nil {
			matrices[d] = turned(m)
		}
	}
	return list(t.resized(dy, matrices)), floats(dy)
}

// sampling reads a GridSample or its gradient.
func (n *node) sampling() (kernel.Sample, error) {
	x, grid := n.in[0], n.in[1]
	s := kernel.Sample{Samples: x.shape[0], Channels: x.shape[1], Size: x.shape[2:], Corners: n.Int("align_corners", 0) != 0}
	if err := floats(n.in...); err != nil {
		return s, err
	}
	if len(s.Size) > 3 {
		return s, fmt.Errorf("%d spatial dimensions", len(s.Size))
	}
	s.Places = size(grid.shape[1:]) / len(s.Size)
	switch mode := n.Text("mode", "bilinear"); mode {
	case "bilinear", "linear":
	case "nearest":
		s.Nearest = true
	default:
		return s, fmt.Errorf("mode %q", mode)
	}
	switch padding := n.Text("padding_mode", "zeros"); padding {
	case "zeros":
	case "border":
		s.Padding = kernel.Border
	case "reflection":
		s.Padding = kernel.Reflection
	default:
		return s, fmt.Errorf("padding_mode %q", padding)
	}
	return s, nil
}

func gridSample(t *translator, n *node) ([]*value, error) {
	s, err := n.sampling()
	if err != nil {
		return nil, err
	}
	return list(t.sample(s, n.shape[0], n.in[0], n.in[1], nil)), nil
}

// gridSampleGrad: the nearest entry stays the same when the grid moves a little.
func gridSampleGrad(t *translator, n *node) ([]*value, error) {
	x, grid, dy := n.in[0], n.in[1], n.in[2]
	s, err := n.sampling()
	if err != nil {
		return nil, err
	}
	s.Of = kernel.InputGradient
	dx := t.sample(s, x.shape, nil, grid, dy)
	if s.Nearest {
		return []*value{dx, t.expand(t.number(0), grid.shape...)}, nil
	}
	s.Of = kernel.GridGradient
	return []*value{dx, t.sample(s, grid.shape, x, grid, dy)}, nil
}

// sample makes one of the outputs of GridSample and its gradient; x and dy are nil where that does not read them.
func (t *translator) sample(s kernel.Sample, shape []int, x, grid, dy *value) *value {
	c := call{name: "GridSample", in: []*value{grid, x, dy}}
	c.plan = func(p *planner, c *call) error {
		return p.special(c, func(out place, in []place) stepper {
			s.Grid, s.Out = in[0].pointer(), out.pointer()
			if x != nil {
				s.X = in[1].pointer()
			}
			if dy != nil {
				s.DY = in[len(in)-1].pointer()
			}
			return s
		})
	}
	return t.invoke(fmt.Sprint(shape, s), c, tensor.Float32, shape)[0]
}

// localResponse is x / (bias + alpha/size·Σ x²)^beta with the sum over neighbouring channels.
func localResponse(t *translator, n *node) ([]*value, error) {
	x, width := n.in[0], int(n.Int("size", 1))
	channels := x.shape[1]
	rows := make([][]float64, channels)
	for c := range rows {
		rows[c] = make([]float64, channels)
		for i := max(c-(width-1)/2, 0); i <= min(c+width/2, channels-1); i++ {
			rows[c][i] = 1
		}
	}
	sum := t.mix(t.square(x), 1, sparse(rows))
	base := t.plus(t.times(sum, float64(n.Float("alpha", 0.0001))/float64(width)), float64(n.Float("bias", 1)))
	return list(t.el(kernel.Div, x, t.el(kernel.Pow, base, t.number(float64(n.Float("beta", 0.75)))))), floats(x)
}

// lpPool is (Σ |x|^p)^(1/p) over each window: an average without its divisor.
func lpPool(t *translator, n *node) ([]*value, error) {
	x, p := n.in[0], float64(n.Int("p", 2))
	if err := floats(x); err != nil {
		return nil, err
	}
	q, err := n.pooling(x.shape[2:], n.shape[0][2:], dnnl.PoolAverageInclude)
	if err != nil {
		return nil, err
	}
	sum := t.times(t.pool(q, t.power(t.el(kernel.Abs, x), p), n.shape[0])[0], float64(size(q.kernel)))
	return list(t.power(sum, 1/p)), nil
}

func globalLpPool(t *translator, n *node) ([]*value, error) {
	x, p := n.in[0], float64(n.Int("p", 2))
	return list(t.power(t.sum(t.power(t.el(kernel.Abs, x), p), all(len(x.shape))[2:]...), 1/p)), floats(x)
}

// power is x^p for x that is not negative.
func (t *translator) power(x *value, p float64) *value {
	switch p {
	case 1:
		return x
	case 2:
		return t.square(x)
	case 0.5:
		return t.el(kernel.Sqrt, x)
	}
	return t.el(kernel.Pow, x, t.number(p))
}

// clippedRelu is min(max(x, 0), max): what is left of a RedirectedRelu forward.
func clippedRelu(t *translator, n *node) ([]*value, error) {
	y := t.el(kernel.Relu, n.in[0])
	if top := float64(n.Float("max", float32(math.Inf(1)))); !math.IsInf(top, 1) {
		y = t.el(kernel.Min, y, t.number(top))
	}
	return list(y), floats(n.in[0])
}
