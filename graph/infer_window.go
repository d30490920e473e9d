package graph

import (
	"fmt"
	"math"
	"slices"

	"visus/tensor"
)

var windowRules = map[string]rule{
	"Conv": inferConv, "ConvInteger": inferConvInteger, "QLinearConv": inferQLinearConv, "ConvTranspose": inferConvTranspose,
	"MaxPool": inferPool, "AveragePool": inferPool, "LpPool": inferPool,
	"GlobalAveragePool": inferGlobalPool, "GlobalMaxPool": inferGlobalPool, "GlobalLpPool": inferGlobalPool,
	"Resize": inferResize, "Upsample": inferResize, "GridSample": inferGridSample,
}

// window is how kernels slide over the spatial axes: one entry an axis, pads first all begins, then all ends.
type window struct {
	kernel, strides, dilations, pads []int
	auto                             string
	ceil                             bool
}

// windowOf reads the attributes of a node with n spatial axes; kernel is used where the node has no kernel_shape.
func windowOf(n *Node, kernel []Dim) (window, error) {
	axes := len(kernel)
	w := window{auto: n.Text("auto_pad", "NOTSET"), ceil: n.Int("ceil_mode", 0) != 0}
	var err error
	read := func(name string, count, otherwise int) []int {
		values := n.Ints(name)
		if values == nil {
			return slices.Repeat([]int{otherwise}, count)
		}
		if len(values) != count {
			err = fmt.Errorf("%s has %d entries for %d spatial axes, expected %d", name, len(values), axes, count)
			return make([]int, count)
		}
		for _, v := range values {
			if v > math.MaxInt32 || v < -math.MaxInt32 || v < 1 && name != "pads" {
				err = fmt.Errorf("%s %v has a value out of range", name, values)
			}
		}
		return toSizes(values)
	}
	w.strides, w.dilations, w.pads = read("strides", axes, 1), read("dilations", axes, 1), read("pads", 2*axes, 0)
	w.kernel = read("kernel_shape", axes, -1)
	if n.Ints("kernel_shape") == nil {
		for i, d := range kernel {
			w.kernel[i] = d.Size
		}
	}
	return w, err
}

// reach is the extent of the dilated kernel.
func (w window) reach(axis int) int { return (w.kernel[axis]-1)*w.dilations[axis] + 1 }

// out is the number of windows along an axis.
func (w window) out(axis, size int) int {
	stride, reach := w.strides[axis], w.reach(axis)
	begin, end := w.pads[axis], w.pads[axis+len(w.kernel)]
	switch w.auto {
	case "SAME_UPPER", "SAME_LOWER":
		return (size + stride - 1) / stride
	case "VALID":
		begin, end = 0, 0
	}
	room := size + begin + end - reach
	if room < 0 {
		return 0
	}
	n := room/stride + 1
	if w.ceil && room%stride != 0 && n*stride < size+begin { // a last window, if it begins inside
		n++
	}
	return n
}

// convOut applies the window to the spatial axes of an input [N,C,...].
func convOut(in []Dim, channels Dim, w window) []Dim {
	out := []Dim{in[0], channels}
	for i, d := range in[2:] {
		if w.kernel[i] < 0 {
			out = append(out, free)
			continue
		}
		out = append(out, through(d, func(size int) int { return w.out(i, size) }))
	}
	return out
}

// inferConvolution is the common part: x [N,C,...] and weights [O,C/groups,...].
func inferConvolution(c *call, x, weights fact, kind tensor.Type) error {
	c.set(0, kind, nil)
	rank, ok := x.rank()
	if !ok || weights.shape == nil {
		return nil
	}
	if rank < 3 || len(weights.shape) != rank {
		return fmt.Errorf("input %v and weights %v; expected [N,C,...] and [O,C/group,...] of one rank", x.shape, weights.shape)
	}
	group := int(c.Int("group", 1))
	channels, each := x.shape[1], weights.shape[1]
	if channels.Fixed() && each.Fixed() && channels.Size != each.Size*group {
		return fmt.Errorf("input %v has %d channels, weights %v with group %d take %d", x.shape, channels.Size, weights.shape, group, each.Size*group)
	}
	w, err := windowOf(c.Node, weights.shape[2:])
	if err != nil {
		return err
	}
	c.set(0, kind, convOut(x.shape, weights.shape[0], w))
	return nil
}

func inferConv(c *call) error { return inferConvolution(c, c.arg(0), c.arg(1), c.arg(0).kind) }

func inferConvInteger(c *call) error {
	return inferConvolution(c, c.arg(0), c.arg(1), tensor.Int32)
}

func inferQLinearConv(c *call) error {
	return inferConvolution(c, c.arg(0), c.arg(3), c.arg(7).kind)
}

func inferConvTranspose(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	x, weights := c.arg(0).shape, c.arg(1).shape
	if x == nil || weights == nil {
		return nil
	}
	if len(x) < 3 || len(weights) != len(x) {
		return fmt.Errorf("input %v and weights %v; expected [N,C,...] and [C,O/group,...] of one rank", x, weights)
	}
	if _, ok := agree(x[1], weights[0]); !ok {
		return fmt.Errorf("input %v has %d channels, weights %v take %d", x, x[1].Size, weights, weights[0].Size)
	}
	w, err := windowOf(c.Node, weights[2:])
	if err != nil {
		return err
	}
	out := []Dim{x[0], times(weights[1], Dim{Size: max(int(c.Int("group", 1)), 0)})}
	extra, target := c.Ints("output_padding"), c.Ints("output_shape")
	for i, d := range x[2:] {
		switch {
		case len(target) == len(x)-2:
			out = append(out, Dim{Size: max(int(target[i]), -1)})
		case w.kernel[i] < 0:
			out = append(out, free)
		case w.auto == "SAME_UPPER" || w.auto == "SAME_LOWER":
			out = append(out, through(d, func(size int) int { return size * w.strides[i] }))
		default:
			add := w.reach(i) - w.pads[i] - w.pads[i+len(w.kernel)]
			if len(extra) == len(x)-2 {
				add += int(extra[i])
			}
			out = append(out, through(d, func(size int) int { return (size-1)*w.strides[i] + add }))
		}
	}
	c.set(0, c.arg(0).kind, out)
	return nil
}

func inferPool(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	x := c.arg(0).shape
	if x == nil {
		return nil
	}
	if len(x) < 3 {
		return fmt.Errorf("input %v; expected [N,C,...]", x)
	}
	if c.Ints("kernel_shape") == nil {
		return fmt.Errorf("it has no kernel_shape")
	}
	w, err := windowOf(c.Node, x[2:])
	if err != nil {
		return err
	}
	shape := convOut(x, x[1], w)
	c.set(0, c.arg(0).kind, shape)
	c.set(1, tensor.Int64, shape) // MaxPool's indices
	return nil
}

func inferGlobalPool(c *call) error {
	shape := slices.Clone(c.arg(0).shape)
	for i := 2; i < len(shape); i++ {
		shape[i] = Dim{Size: 1}
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

// inferResize reads sizes or scales, by opset: scales are the second input up to 10 (an attribute before 9), the third since.
func inferResize(c *call) error {
	rank, ok := c.arg(0).rank()
	if !ok {
		c.set(0, c.arg(0).kind, nil)
		return nil
	}
	shape := slices.Clone(c.arg(0).shape)
	axes := c.Ints("axes")
	if axes == nil {
		for i := range rank {
			axes = append(axes, int64(i))
		}
	}
	factors, sizes := resizeFactors(c), []Dim(nil)
	if v := c.evaluation.arg(3); v != nil && c.Op == "Resize" && c.opset > 10 {
		sizes = v.dims()
	}
	if len(sizes) != len(axes) && len(factors) != len(axes) || c.Text("keep_aspect_ratio_policy", "stretch") != "stretch" {
		c.set(0, c.arg(0).kind, unknownDims(rank))
		return nil
	}
	for i, a := range axes {
		axis, ok := axisOf(a, rank)
		if !ok {
			return fmt.Errorf("axis %d is outside the input's rank %d", a, rank)
		}
		switch {
		case len(sizes) == len(axes):
			shape[axis] = sizes[i]
		case factors[i] != 1:
			shape[axis] = through(shape[axis], func(size int) int { return int(min(math.Floor(float64(size)*factors[i]), math.MaxInt32)) })
		}
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func resizeFactors(c *call) []float64 {
	if v, ok := c.Attribute("scales").([]float32); ok {
		var out []float64
		for _, f := range v {
			out = append(out, float64(f))
		}
		return out
	}
	at := 2
	if c.Op == "Upsample" || c.opset <= 10 {
		at = 1
	}
	if v := c.evaluation.arg(at); v != nil {
		return v.floats
	}
	return nil
}

func inferGridSample(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	x, grid := c.arg(0).shape, c.arg(1).shape
	if x == nil || grid == nil {
		return nil
	}
	if len(x) < 3 || len(grid) != len(x) {
		return fmt.Errorf("input %v and grid %v; expected [N,C,...] and [N,...,axes] of one rank", x, grid)
	}
	c.set(0, c.arg(0).kind, slices.Concat(x[:2], grid[1:len(grid)-1]))
	return nil
}
