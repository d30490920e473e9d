package lower

import (
	"visus/graph"
)

// maxPoolGrad adds each dy to the entry that MaxPool names as its window's first maximum.
func maxPoolGrad(b *graph.Builder, c call) []graph.Value {
	x, dy := c.x[0], c.x[1]
	indices := b.Ops("MaxPool", 2, []graph.Value{x}, c.Attributes...)[1]
	flat := func(v graph.Value) graph.Value { return reshape(b, v, elements(sizes(v))) }
	v := AddAt(b, flat(dy), flat(indices), 0, []int{elements(sizes(x))})
	return []graph.Value{reshape(b, v, sizes(x)...)}
}

// averagePoolGrad: the mean over a window is the product of means along the axes, so each axis has a matrix of its own.
func averagePoolGrad(b *graph.Builder, c call) []graph.Value {
	w := windowOf(b, c.Node, ints(c.Ints("kernel_shape")))
	spatial, include := ints(c.Ints("shape")), c.Int("count_include_pad", 0) != 0
	v := c.x[0]
	for i, size := range spatial {
		v = along(b, v, i+2, averages(w, i, sizes(c.x[0])[i+2], size, include))
	}
	return []graph.Value{v}
}

// averages is the matrix of an average pool along one axis. Entries that count are those inside of the input, or with include of the padded
// input: a last window that ceil_mode lets reach further never counts what lies there.
func averages(w window, axis, out, in int, include bool) matrix {
	m := newMatrix(out, in)
	for o := range out {
		start, count := o*w.stride[axis]-w.begin[axis], 0
		for k := range w.kernel[axis] {
			at := start + k*w.dilation[axis]
			if at >= 0 && at < in || include && at >= -w.begin[axis] && at < in+w.end[axis] {
				count++
			}
		}
		for k := range w.kernel[axis] {
			if at := start + k*w.dilation[axis]; at >= 0 && at < in {
				m.add(o, at, 1/float64(count))
			}
		}
	}
	return m
}
