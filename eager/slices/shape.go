package slices

import (
	"slices"

	"visus/eager"
)

// view shares the data under another shape.
func (t *Tensor) view(shape []int) *Tensor {
	return &Tensor{shape: shape, dtype: t.dtype, data: t.data, size: t.size}
}

// Reshape shares the data.
func (t *Tensor) Reshape(shape []int) *Tensor {
	if t.err != nil {
		return t
	}
	if err := eager.CheckShape("reshape", shape, t.size); err != nil {
		return failed(err)
	}
	return record(t.view(slices.Clone(shape)), func(g *Tensor) []*Tensor { return []*Tensor{g.Reshape(t.shape)} }, t)
}

// strides returns the step of each axis in C order.
func strides(shape []int) []int {
	out, step := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		out[i], step = step, step*shape[i]
	}
	return out
}

// walk copies a strided view of t: element i1, i2, ... lies at offset + i1*steps[0] + ...
func (t *Tensor) walk(shape, steps []int, offset int) *Tensor {
	out := empty(t.dtype, slices.Clone(shape))
	switch t.dtype {
	case eager.Float32:
		copyStrided(values[float32](out), values[float32](t), shape, steps, offset)
	case eager.Float64:
		copyStrided(values[float64](out), values[float64](t), shape, steps, offset)
	case eager.Int64:
		copyStrided(values[int64](out), values[int64](t), shape, steps, offset)
	default:
		copyStrided(values[bool](out), values[bool](t), shape, steps, offset)
	}
	return out
}

func copyStrided[E element](dst, src []E, shape, steps []int, offset int) {
	switch {
	case len(dst) == 0:
	case len(shape) == 0:
		dst[0] = src[offset]
	case len(shape) == 1:
		for i := range dst {
			dst[i] = src[offset+i*steps[0]]
		}
	default:
		inner := len(dst) / shape[0]
		for i := range shape[0] {
			copyStrided(dst[i*inner:(i+1)*inner], src, shape[1:], steps[1:], offset+i*steps[0])
		}
	}
}

// Transpose permutes the axes.
func (t *Tensor) Transpose(axes []int) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.TransposeShape(t.shape, axes)
	if err != nil {
		return failed(err)
	}
	if slices.IsSorted(axes) { // as they are
		return t
	}
	steps, back, own := make([]int, len(axes)), make([]int, len(axes)), strides(t.shape)
	for i, axis := range axes {
		steps[i], back[axis] = own[axis], i
	}
	return record(t.walk(shape, steps, 0), func(g *Tensor) []*Tensor { return []*Tensor{g.Transpose(back)} }, t)
}

// BroadcastTo repeats axes of size 1.
func (t *Tensor) BroadcastTo(shape []int) *Tensor {
	if t.err != nil || slices.Equal(t.shape, shape) {
		return t
	}
	if err := eager.BroadcastTo(t.shape, shape); err != nil {
		return failed(err)
	}
	steps, shift := make([]int, len(shape)), len(shape)-len(t.shape)
	for i, step := range strides(t.shape) {
		if t.shape[i] != 1 {
			steps[shift+i] = step
		}
	}
	return record(t.walk(shape, steps, 0), func(g *Tensor) []*Tensor { return []*Tensor{eager.SumTo(g, t.shape)} }, t)
}

// Slice selects a range on each axis.
func (t *Tensor) Slice(ranges []eager.Range) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.SliceShape(t.shape, ranges)
	if err != nil {
		return failed(err)
	}
	steps, offset := make([]int, len(ranges)), 0
	for i, step := range strides(t.shape) {
		steps[i] = step * ranges[i].Step
		offset += step * ranges[i].Start
	}
	return record(t.walk(shape, steps, offset), func(g *Tensor) []*Tensor {
		at := g.Arange(0, t.size, 1).walk(shape, steps, offset)
		return []*Tensor{scatterAdd(t, g, values[int64](at))}
	}, t)
}

// Concat joins tensors that differ only on the axis.
func (t *Tensor) Concat(axis int, others []*Tensor) *Tensor {
	all := append([]*Tensor{t}, others...)
	if bad := first(all...); bad != nil {
		return bad
	}
	shapes := make([][]int, len(others))
	for i, x := range others {
		if err := eager.CheckTypes("concatenate", t.dtype, x.dtype); err != nil {
			return failed(err)
		}
		shapes[i] = x.shape
	}
	shape, err := eager.ConcatShape(axis, t.shape, shapes...)
	if err != nil {
		return failed(err)
	}
	out := empty(t.dtype, shape)
	switch t.dtype {
	case eager.Float32:
		join[float32](out, all, axis)
	case eager.Float64:
		join[float64](out, all, axis)
	case eager.Int64:
		join[int64](out, all, axis)
	default:
		join[bool](out, all, axis)
	}
	return record(out, func(g *Tensor) []*Tensor { return split(g, all, axis) }, all...)
}

func join[E element](out *Tensor, parts []*Tensor, axis int) {
	rows, dst := eager.Size(out.shape[:axis]), values[E](out)
	for r := range rows {
		for _, p := range parts {
			width := p.size / rows
			copy(dst, values[E](p)[r*width:(r+1)*width])
			dst = dst[width:]
		}
	}
}

// split is the reverse of Concat.
func split(g *Tensor, parts []*Tensor, axis int) []*Tensor {
	out, start := make([]*Tensor, len(parts)), 0
	for i, p := range parts {
		ranges := whole(g.shape)
		ranges[axis] = eager.Range{Start: start, Stop: start + p.shape[axis], Step: 1}
		out[i], start = g.Slice(ranges), start+p.shape[axis]
	}
	return out
}

func whole(shape []int) []eager.Range {
	out := make([]eager.Range, len(shape))
	for i, n := range shape {
		out[i] = eager.Range{Stop: n, Step: 1}
	}
	return out
}

// Pad puts value around t.
func (t *Tensor) Pad(paddings [][2]int, value float64) *Tensor {
	if t.err != nil {
		return t
	}
	shape, err := eager.PadShape(t.shape, paddings)
	if err != nil {
		return failed(err)
	}
	inner := make([]eager.Range, len(paddings))
	for i, p := range paddings {
		inner[i] = eager.Range{Start: p[0], Stop: p[0] + t.shape[i], Step: 1}
	}
	at := t.Arange(0, eager.Size(shape), 1).Reshape(shape).Slice(inner)
	out := t.Full(t.dtype, value, shape).ScatterSet(at, t.plain())
	if out.err != nil {
		return out
	}
	return record(out, func(g *Tensor) []*Tensor { return []*Tensor{g.Slice(inner)} }, t)
}
