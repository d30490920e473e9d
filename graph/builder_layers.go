package graph

// Window says how a kernel slides, alike on every spatial axis. Zero values: stride and dilation 1, no padding, one group.
type Window struct {
	Kernel   int // of pools; convolutions have it in their weights
	Stride   int
	Pad      int // zeros on either side
	Dilation int
	Group    int // of convolutions
}

func (w Window) attributes(axes int) []Attribute {
	repeat := func(v, n int) []int64 {
		out := make([]int64, n)
		for i := range out {
			out[i] = int64(v)
		}
		return out
	}
	list := []Attribute{
		{Name: "strides", Value: repeat(max(w.Stride, 1), axes)},
		{Name: "pads", Value: repeat(w.Pad, 2*axes)},
	}
	if w.Dilation > 1 {
		list = append(list, Attribute{Name: "dilations", Value: repeat(w.Dilation, axes)})
	}
	if w.Kernel > 0 {
		list = append(list, Attribute{Name: "kernel_shape", Value: repeat(w.Kernel, axes)})
	}
	if w.Group > 1 {
		list = append(list, Attribute{Name: "group", Value: int64(w.Group)})
	}
	return list
}

// spatial is the number of axes behind batch and channels.
func spatial(v Value) int { return max(len(v.Shape)-2, 0) }

// Conv convolves x [N,C,...] with weights [O,C/group,...]; bias [O] may be a zero Value.
func (b *Builder) Conv(x, weights, bias Value, w Window) Value {
	w.Kernel = 0
	return b.Op("Conv", given(x, weights, bias), w.attributes(spatial(weights))...)
}

// given leaves zero Values at the end out.
func given(values ...Value) []Value {
	for len(values) > 0 && values[len(values)-1].Name == "" {
		values = values[:len(values)-1]
	}
	return values
}

// BatchNormalization normalises x [N,C,...] with running statistics: scale, bias, mean and variance are [C]. epsilon is 1e-5.
func (b *Builder) BatchNormalization(x, scale, bias, mean, variance Value) Value {
	return b.Op("BatchNormalization", []Value{x, scale, bias, mean, variance}, Attribute{Name: "epsilon", Value: float32(1e-5)})
}

// Relu is max(x, 0).
func (b *Builder) Relu(x Value) Value { return b.Op("Relu", []Value{x}) }

// Add is x + y, broadcast.
func (b *Builder) Add(x, y Value) Value { return b.Op("Add", []Value{x, y}) }

// MaxPool takes the maximum of each window of x [N,C,...].
func (b *Builder) MaxPool(x Value, w Window) Value {
	return b.Op("MaxPool", []Value{x}, w.attributes(spatial(x))...)
}

// GlobalAveragePool averages x [N,C,...] to [N,C,1,...].
func (b *Builder) GlobalAveragePool(x Value) Value { return b.Op("GlobalAveragePool", []Value{x}) }

// Flatten joins all axes from the given one on (and those before it): [N,C,H,W] at 1 is [N,C·H·W].
func (b *Builder) Flatten(x Value, axis int) Value {
	return b.Op("Flatten", []Value{x}, Attribute{Name: "axis", Value: int64(axis)})
}

// Gemm is x [N,I] times the transpose of weights [O,I], as PyTorch's Linear stores them, plus bias [O], which may be a zero Value.
func (b *Builder) Gemm(x, weights, bias Value) Value {
	return b.Op("Gemm", given(x, weights, bias), Attribute{Name: "transB", Value: int64(1)})
}

// Softmax makes probabilities along an axis; -1 is the last.
func (b *Builder) Softmax(x Value, axis int) Value {
	return b.Op("Softmax", []Value{x}, Attribute{Name: "axis", Value: int64(axis)})
}
