package nn

import (
	"fmt"

	"visus/graph"
)

// Conv says how a convolution or transposed convolution is made, alike on every spatial axis (one to three). Zero values: stride,
// dilation and group 1, no padding, with bias.
type Conv struct {
	Kernel, Stride, Pad, Dilation, Group int
	OutputPad                            int // of transposed convolutions: added at the end of each axis
	NoBias                               bool
	Weight, Bias                         Initialiser // nil: PyTorch's default, U(±1/√fan_in)
}

// Conv convolves x [batch, in, ...]: weight [out, in/group, kernel, ...], bias [out].
func (n *Net) Conv(name string, x graph.Value, out int, o Conv) graph.Value {
	in, axes, ok := n.convolved("Conv", x, out, o)
	if !ok {
		return graph.Value{}
	}
	l, group := n.In(name), max(o.Group, 1)
	shape := kernelShape(out, in/group, o.Kernel, axes)
	fan, _ := fans(shape)
	weight := l.Parameter("weight", o.Weight.or(pytorch()), shape...)
	bias := l.bias(o.NoBias, o.Bias, int(fan), out)
	return l.Builder.Conv(x, weight, bias, graph.Window{Stride: o.Stride, Pad: o.Pad, Dilation: o.Dilation, Group: o.Group})
}

// ConvTranspose is the transposed convolution of x [batch, in, ...]: weight [in, out/group, kernel, ...], bias [out]. An axis of size s
// becomes (s-1)·stride - 2·pad + dilation·(kernel-1) + outputPad + 1.
func (n *Net) ConvTranspose(name string, x graph.Value, out int, o Conv) graph.Value {
	in, axes, ok := n.convolved("ConvTranspose", x, out, o)
	if !ok {
		return graph.Value{}
	}
	l, group := n.In(name), max(o.Group, 1)
	shape := kernelShape(in, out/group, o.Kernel, axes)
	fan, _ := fans(shape) // PyTorch counts the second axis as incoming here too
	inputs := []graph.Value{x, l.Parameter("weight", o.Weight.or(pytorch()), shape...)}
	if !o.NoBias {
		inputs = append(inputs, l.bias(false, o.Bias, int(fan), out))
	}
	return l.Op("ConvTranspose", inputs,
		graph.Attribute{Name: "strides", Value: repeat(max(o.Stride, 1), axes)},
		graph.Attribute{Name: "pads", Value: repeat(o.Pad, 2*axes)},
		graph.Attribute{Name: "dilations", Value: repeat(max(o.Dilation, 1), axes)},
		graph.Attribute{Name: "output_padding", Value: repeat(o.OutputPad, axes)},
		graph.Attribute{Name: "group", Value: int64(group)})
}

// convolved returns the channels of x and the number of its spatial axes, and checks the options against them.
func (n *Net) convolved(layer string, x graph.Value, out int, o Conv) (in, axes int, ok bool) {
	rank, ok := n.rank(layer, x, 3, 5)
	if !ok {
		return 0, 0, false
	}
	if in, ok = n.width(layer, x, 1); !ok {
		return 0, 0, false
	}
	if group := max(o.Group, 1); o.Kernel < 1 || out < 1 || in%group != 0 || out%group != 0 {
		n.Fail(layer, fmt.Errorf("kernel %d, %d channels to %d in %d groups; expected a kernel of 1 or more, and groups that divide both", o.Kernel, in, out, group))
		return 0, 0, false
	}
	return in, rank - 2, true
}

func kernelShape(first, second, kernel, axes int) []int {
	shape := []int{first, second}
	for range axes {
		shape = append(shape, kernel)
	}
	return shape
}

func repeat(v, times int) []int64 {
	out := make([]int64, times)
	for i := range out {
		out[i] = int64(v)
	}
	return out
}
