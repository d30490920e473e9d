package grad

import (
	"slices"

	"visus/graph"
)

// windows are the rules of convolutions and pools. Most are written with operators of our own (graph/lower), whose windows are explicit: pads
// are computed here from auto_pad.
var windows = map[string]rule{
	"Conv": convRule, "ConvTranspose": convTransposeRule,
	"MaxPool": maxPoolRule, "AveragePool": averagePoolRule, "LpPool": lpPoolRule,
	"GlobalMaxPool": globalMaxPoolRule, "GlobalLpPool": globalLpPoolRule,
	// GlobalAveragePool: y = mean of x over the spatial axes, so dx = dy / entries.
	"GlobalAveragePool": func(b *graph.Builder, c call) []graph.Value {
		shape := sizes(c.x[0])
		return []graph.Value{scale(b, expand(b, c.dy[0], shape), 1/float64(elements(shape[2:])))}
	},
	"visus.ConvGradInput": convGradInputRule, "visus.ConvGradWeight": convGradWeightRule,
	"visus.MaxPoolGrad": maxPoolGradRule, "visus.AveragePoolGrad": averagePoolGradRule,
}

// sliding is how a kernel slides over the spatial axes, an entry an axis; auto_pad is resolved.
type sliding struct {
	kernel, strides, dilations, begin, end []int
	group                                  int
}

// slidingOf reads a node's window; out are the spatial sizes that it gives for in, which auto_pad SAME needs.
func slidingOf(c call, kernel, in, out []int) sliding {
	axes := len(kernel)
	read := func(name string, count, otherwise int) []int {
		if list := c.Ints(name); len(list) == count {
			return plain(list)
		}
		return slices.Repeat([]int{otherwise}, count)
	}
	pads := read("pads", 2*axes, 0)
	s := sliding{kernel: kernel, strides: read("strides", axes, 1), dilations: read("dilations", axes, 1), begin: pads[:axes], end: pads[axes:], group: int(c.Int("group", 1))}
	auto := c.Text("auto_pad", "NOTSET")
	if auto == "NOTSET" {
		return s
	}
	s.begin, s.end = make([]int, axes), make([]int, axes)
	if auto == "VALID" {
		return s
	}
	for i := range out {
		s.distribute(i, max(0, (out[i]-1)*s.strides[i]+s.reach(i)-in[i]), auto == "SAME_UPPER")
	}
	return s
}

// distribute pads an axis on both sides alike; an odd entry comes last for SAME_UPPER and first otherwise.
func (s sliding) distribute(axis, total int, upper bool) {
	s.begin[axis] = total / 2
	if !upper {
		s.begin[axis] = total - total/2
	}
	s.end[axis] = total - s.begin[axis]
}

// reach is the extent of the dilated kernel.
func (s sliding) reach(axis int) int { return (s.kernel[axis]-1)*s.dilations[axis] + 1 }

// attributes are the window's; those of a convolution have a group.
func (s sliding) attributes(more ...graph.Attribute) []graph.Attribute {
	return append([]graph.Attribute{
		attribute("strides", integers(s.strides)), attribute("dilations", integers(s.dilations)), attribute("pads", integers(slices.Concat(s.begin, s.end))),
	}, more...)
}

func (s sliding) convolution(more ...graph.Attribute) []graph.Attribute {
	return s.attributes(append(more, attribute("group", int64(s.group)))...)
}

func plain(list []int64) []int {
	out := make([]int, len(list))
	for i, v := range list {
		out[i] = int(v)
	}
	return out
}

// biasGradient sums a gradient [N,C,...] over everything but the channels.
func biasGradient(b *graph.Builder, dy graph.Value) graph.Value {
	shape := sizes(dy)
	return reshape(b, reduceSum(b, dy, others(shape)), shape[1:2])
}

// others are all axes but that of the channels.
func others(shape []int) []int {
	axes := []int{0}
	for i := 2; i < len(shape); i++ {
		axes = append(axes, i)
	}
	return axes
}

// convRule: y[n,o,j] = Σ W[o,c,k]·x[n,c,j·stride + k·dilation − pad] + bias[o].
func convRule(b *graph.Builder, c call) []graph.Value {
	x, weights, dy := c.x[0], c.x[1], c.dy[0]
	kernel, spatial := sizes(weights)[2:], sizes(x)[2:]
	s := slidingOf(c, kernel, spatial, sizes(dy)[2:])
	return []graph.Value{
		b.Op("visus.ConvGradInput", []graph.Value{dy, weights}, s.convolution(attribute("shape", integers(spatial)))...),
		b.Op("visus.ConvGradWeight", []graph.Value{x, dy}, s.convolution(attribute("kernel_shape", integers(kernel)))...),
		biasGradient(b, dy),
	}
}

// convTransposeRule: ConvTranspose is a convolution's gradient to its input, so its own is that convolution.
func convTransposeRule(b *graph.Builder, c call) []graph.Value {
	x, weights, dy := c.x[0], c.x[1], c.dy[0]
	in, out := sizes(x)[2:], sizes(dy)[2:]
	s := transposed(c, sizes(weights)[2:], in, out)
	return []graph.Value{
		convolveBack(b, s, dy, weights, in),
		b.Op("visus.ConvGradWeight", []graph.Value{dy, x}, s.convolution(attribute("kernel_shape", integers(s.kernel)))...),
		biasGradient(b, dy),
	}
}

// transposed is the window of the convolution whose gradient a ConvTranspose is: that from out to in. Where the output reaches beyond all windows,
// or ends before padding does, pads at the end make up for it.
func transposed(c call, kernel, in, out []int) sliding {
	s := slidingOf(c, kernel, nil, nil)
	auto, extra := c.Text("auto_pad", "NOTSET"), plain(c.Ints("output_padding"))
	for i := range kernel {
		full := (in[i]-1)*s.strides[i] + s.reach(i)
		if len(extra) > i {
			full += extra[i]
		}
		if auto == "SAME_UPPER" || auto == "SAME_LOWER" || c.Attribute("output_shape") != nil {
			s.distribute(i, max(0, full-out[i]), auto == "SAME_UPPER")
		}
		s.end[i] = (in[i]-1)*s.strides[i] + s.reach(i) - s.begin[i] - out[i] // below 0 for output_padding: entries that no window reaches
	}
	return s
}

// convolveBack is Conv of dy with a window whose pads at the end may be negative.
func convolveBack(b *graph.Builder, s sliding, dy, weights graph.Value, in []int) graph.Value {
	cut, end := make([]int, len(s.end)), make([]int, len(s.end))
	for i, pad := range s.end {
		cut[i], end[i] = min(pad, 0), max(pad, 0)
	}
	dy = margins(b, dy, slices.Repeat([]int{0}, len(sizes(dy))), slices.Concat([]int{0, 0}, cut))
	s.end = end
	return b.Op("Conv", []graph.Value{dy, weights}, s.convolution()...)
}

// convGradInputRule: dx is linear in dy, by the convolution itself, and in the weights.
func convGradInputRule(b *graph.Builder, c call) []graph.Value {
	dy, weights, u := c.x[0], c.x[1], c.dy[0]
	s := slidingOf(c, sizes(weights)[2:], nil, nil)
	return []graph.Value{
		convolve(b, s, u, weights, sizes(dy)[2:]),
		b.Op("visus.ConvGradWeight", []graph.Value{u, dy}, s.convolution(attribute("kernel_shape", integers(s.kernel)))...),
	}
}

// convGradWeightRule: dW is linear in x and in dy.
func convGradWeightRule(b *graph.Builder, c call) []graph.Value {
	x, dy, u := c.x[0], c.x[1], c.dy[0]
	s := slidingOf(c, plain(c.Ints("kernel_shape")), nil, nil)
	return []graph.Value{
		b.Op("visus.ConvGradInput", []graph.Value{dy, u}, s.convolution(attribute("shape", integers(sizes(x)[2:])))...),
		convolve(b, s, x, u, sizes(dy)[2:]),
	}
}

// convolve is Conv with an explicit window.
func convolve(b *graph.Builder, s sliding, x, weights graph.Value, out []int) graph.Value {
	in := sizes(x)[2:]
	for i := range s.end { // pads at the end that no window reaches may be negative, which Conv does not take
		s.end[i] = (out[i]-1)*s.strides[i] + s.reach(i) - s.begin[i] - in[i]
	}
	return convolveBack(b, s, x, weights, out)
}

// poolSliding is the window of a pool.
func poolSliding(c call) sliding {
	return slidingOf(c, plain(c.Ints("kernel_shape")), sizes(c.x[0])[2:], sizes(c.y[0])[2:])
}

// pool are the attributes of a pool's own gradient.
func (s sliding) pool(c call, more ...graph.Attribute) []graph.Attribute {
	return s.attributes(append(more, attribute("kernel_shape", integers(s.kernel)), attribute("ceil_mode", c.Int("ceil_mode", 0)))...)
}

// maxPoolRule: the first maximum of each window gets its gradient; Indices have none.
func maxPoolRule(b *graph.Builder, c call) []graph.Value {
	return []graph.Value{b.Op("visus.MaxPoolGrad", []graph.Value{c.x[0], c.dy[0]}, poolSliding(c).pool(c)...)}
}

// maxPoolGradRule: dx is linear in dy, which gets back what lies at the first maxima.
func maxPoolGradRule(b *graph.Builder, c call) []graph.Value {
	u := c.dy[0]
	indices := b.Ops("MaxPool", 2, c.x[:1], c.Attributes...)[1]
	return []graph.Value{{}, b.Op("Gather", []graph.Value{reshape(b, u, []int{elements(sizes(u))}), indices})}
}

// globalMaxPoolRule: one window over everything.
func globalMaxPoolRule(b *graph.Builder, c call) []graph.Value {
	kernel := integers(sizes(c.x[0])[2:])
	return []graph.Value{b.Op("visus.MaxPoolGrad", []graph.Value{c.x[0], c.dy[0]}, attribute("kernel_shape", kernel))}
}

// averagePoolRule: dx[i] = Σ dy[j]/count[j] over the windows that cover i.
func averagePoolRule(b *graph.Builder, c call) []graph.Value {
	attributes := poolSliding(c).pool(c, attribute("count_include_pad", c.Int("count_include_pad", 0)), attribute("shape", integers(sizes(c.x[0])[2:])))
	return []graph.Value{b.Op("visus.AveragePoolGrad", c.dy[:1], attributes...)}
}

// averagePoolGradRule: the gradient's gradient is the pool.
func averagePoolGradRule(b *graph.Builder, c call) []graph.Value {
	attributes := slices.DeleteFunc(slices.Clone(c.Attributes), func(a graph.Attribute) bool {
		return a.Name == "shape" || a.Name == "dilations" && !slices.ContainsFunc(c.Ints("dilations"), func(d int64) bool { return d != 1 }) // opset 19
	})
	return []graph.Value{b.Op("AveragePool", c.dy[:1], attributes...)}
}

// lpPoolRule: y = (Σ |x|^p)^(1/p), so dx = sign(x)·|x|^(p−1)·Σ dy·y^(1−p) over the windows that cover it: the gradient of a convolution with
// ones. Where y is 0 so is dx.
func lpPoolRule(b *graph.Builder, c call) []graph.Value {
	x, channels := c.x[0], sizes(c.x[0])[1]
	s := poolSliding(c)
	s.group = channels
	ones := fill(b, x.Type, 1, append([]int{channels, 1}, s.kernel...))
	return lpGradient(b, c, func(d graph.Value) graph.Value {
		return b.Op("visus.ConvGradInput", []graph.Value{d, ones}, s.convolution(attribute("shape", integers(sizes(x)[2:])))...)
	})
}

func globalLpPoolRule(b *graph.Builder, c call) []graph.Value {
	return lpGradient(b, c, func(d graph.Value) graph.Value { return d })
}

func lpGradient(b *graph.Builder, c call, spread func(d graph.Value) graph.Value) []graph.Value {
	x, y, p := c.x[0], c.y[0], float64(c.Int("p", 2))
	none := compare(b, "Equal", y, number(b, y, 0))
	power := b.Op("Pow", []graph.Value{where(b, none, number(b, y, 1), y), number(b, y, 1-p)})
	d := spread(mul(b, where(b, none, number(b, y, 0), power), c.dy[0]))
	slope := mul(b, unary(b, "Sign", x), b.Op("Pow", []graph.Value{unary(b, "Abs", x), number(b, x, p-1)}))
	if p == 1 {
		slope = unary(b, "Sign", x)
	}
	if p == 2 {
		slope = x
	}
	return []graph.Value{mul(b, slope, d)}
}
