package lower

import (
	"fmt"
	"slices"

	"visus/graph"
	"visus/tensor"
)

// window is how a kernel slides over the spatial axes, an entry an axis.
type window struct {
	kernel, stride, dilation, begin, end []int
}

// windowOf reads the attributes of a node of ours for a kernel of the given sizes.
func windowOf(b *graph.Builder, n *graph.Node, kernel []int) window {
	axes := len(kernel)
	read := func(name string, count, otherwise int) []int {
		list := n.Ints(name)
		if list == nil {
			return slices.Repeat([]int{otherwise}, count)
		}
		if len(list) != count {
			b.Fail(n.Op, fmt.Errorf("%s has %d entries, expected %d", name, len(list), count))
			return slices.Repeat([]int{otherwise}, count)
		}
		return ints(list)
	}
	pads := read("pads", 2*axes, 0)
	return window{kernel: kernel, stride: read("strides", axes, 1), dilation: read("dilations", axes, 1), begin: pads[:axes], end: pads[axes:]}
}

// reach is the extent of the dilated kernel.
func (w window) reach(axis int) int { return (w.kernel[axis]-1)*w.dilation[axis] + 1 }

// row puts a spatial axis of size 1 before the others.
func (w window) row() window {
	front := func(list []int, v int) []int { return append([]int{v}, list...) }
	return window{front(w.kernel, 1), front(w.stride, 1), front(w.dilation, 1), front(w.begin, 0), front(w.end, 0)}
}

func ints(list []int64) []int {
	out := make([]int, len(list))
	for i, v := range list {
		out[i] = int(v)
	}
	return out
}

func int64s(list ...int) []int64 {
	out := make([]int64, len(list))
	for i, v := range list {
		out[i] = int64(v)
	}
	return out
}

func attribute(name string, value any) graph.Attribute {
	return graph.Attribute{Name: name, Value: value}
}

// sizes returns a fixed shape.
func sizes(v graph.Value) []int {
	s, _ := v.Sizes()
	return s
}

func elements(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}

func reshape(b *graph.Builder, v graph.Value, shape ...int) graph.Value {
	if slices.Equal(sizes(v), shape) {
		return v
	}
	return b.Op("Reshape", []graph.Value{v, b.Ints(int64s(shape...)...)}, attribute("allowzero", int64(1)))
}

func transpose(b *graph.Builder, v graph.Value, perm ...int) graph.Value {
	return b.Op("Transpose", []graph.Value{v}, attribute("perm", int64s(perm...)))
}

func concat(b *graph.Builder, axis int, parts []graph.Value) graph.Value {
	if len(parts) == 1 {
		return parts[0]
	}
	return b.Op("Concat", parts, attribute("axis", int64(axis)))
}

func sum(b *graph.Builder, v graph.Value, keep bool, axes ...int) graph.Value {
	keepdims := int64(0)
	if keep {
		keepdims = 1
	}
	return b.Op("ReduceSum", []graph.Value{v, b.Ints(int64s(axes...)...)}, attribute("keepdims", keepdims))
}

// margins adds zeros before and behind the last axes; negative ones take entries away.
func margins(b *graph.Builder, v graph.Value, before, behind []int) graph.Value {
	rank := len(v.Shape)
	pads := make([]int, 2*rank)
	copy(pads[rank-len(before):], before)
	copy(pads[2*rank-len(behind):], behind)
	if !slices.ContainsFunc(pads, func(p int) bool { return p != 0 }) {
		return v
	}
	return b.Op("Pad", []graph.Value{v, b.Ints(int64s(pads...)...)})
}

// numbers is a constant of the given type.
func numbers(b *graph.Builder, kind tensor.Type, values []float64, shape ...int) graph.Value {
	t, err := tensor.Of(values, shape...)
	if err != nil {
		b.Fail("Constant", err)
		return graph.Value{}
	}
	if kind == tensor.Float64 {
		return b.Constant(t)
	}
	narrow := tensor.New(tensor.Float32, shape...)
	for i, v := range values {
		tensor.Values[float32](narrow)[i] = float32(v)
	}
	v := b.Constant(narrow)
	if kind != tensor.Float32 {
		v = b.Op("Cast", []graph.Value{v}, attribute("to", graph.TypeNumber(kind)))
	}
	return v
}
