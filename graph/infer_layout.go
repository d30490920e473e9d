package graph

import (
	"errors"
	"fmt"
	"slices"

	"visus/tensor"
)

var layoutRules = map[string]rule{
	"Constant": inferConstant, "ConstantOfShape": inferConstantOfShape, "Shape": inferShape, "Size": inferSize, "Range": inferRange,
	"Reshape": inferReshape, "Flatten": inferFlatten, "Squeeze": inferSqueeze, "Unsqueeze": inferUnsqueeze, "Transpose": inferTranspose,
	"Concat": inferConcat, "Split": inferSplit, "Slice": inferSlice, "Pad": inferPad, "Expand": inferExpand, "Tile": inferTile,
	"Gather": inferGather, "GatherElements": inferGatherElements, "GatherND": inferGatherND, "OneHot": inferOneHot, "NonZero": inferNonZero,
	"DepthToSpace": inferDepthToSpace, "SpaceToDepth": inferSpaceToDepth,
}

func inferConstant(c *call) error {
	if t, ok := c.Attribute("value").(*tensor.Tensor); ok {
		c.set(0, t.Type(), Dims(t.Shape()...)) // the evaluator does the small ones
	}
	return nil
}

func inferConstantOfShape(c *call) error {
	kind := tensor.Float32
	if t, ok := c.Attribute("value").(*tensor.Tensor); ok {
		kind = t.Type()
	}
	c.set(0, kind, nil)
	if v := c.evaluation.arg(0); v != nil {
		c.set(0, kind, v.dims())
	}
	return nil
}

func inferShape(c *call) error {
	c.set(0, tensor.Int64, []Dim{free})
	shape := c.arg(0).shape
	if shape == nil || len(c.out) == 0 {
		return nil
	}
	start, count := span(int64(len(shape)), c.Int("start", 0), c.Int("end", int64(len(shape))), 1)
	v := shapeConstant(shape[start : start+count])
	c.out[0] = fact{kind: tensor.Int64, shape: Dims(v.shape...), value: v}
	return nil
}

func inferSize(c *call) error {
	c.set(0, tensor.Int64, []Dim{})
	sizes, ok := Value{Shape: c.arg(0).shape}.Sizes()
	if !ok || len(c.out) == 0 {
		return nil
	}
	n, err := tensor.Elements(sizes)
	if err == nil {
		c.out[0].value = &constant{kind: tensor.Int64, ints: []int64{int64(n)}}
	}
	return err
}

func inferRange(c *call) error {
	c.set(0, c.arg(0).kind, []Dim{free})
	return nil
}

func inferReshape(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	v := c.evaluation.arg(1)
	if v == nil {
		if s := c.arg(1).shape; len(s) == 1 && s[0].Fixed() && s[0].Size < 64 {
			c.set(0, c.arg(0).kind, unknownDims(s[0].Size))
		}
		return nil
	}
	shape, err := reshape(c.arg(0).shape, v.dims(), c.Int("allowzero", 0) != 0)
	c.set(0, c.arg(0).kind, shape)
	return err
}

// reshape returns the target with 0 (the input's dimension) and -1 (what is left) filled in. A symbol that both sides hold cancels, so
// [N,64,7,7] as [N,-1] is [N,3136], and as [-1,3136] too.
func reshape(in, target []Dim, allowZero bool) ([]Dim, error) {
	out, open := slices.Clone(target), -1
	if out == nil {
		out = []Dim{}
	}
	for i, d := range target {
		switch {
		case d == Dim{Size: -1}:
		case d.Size == 0 && !allowZero:
			out[i] = free
			if in != nil {
				if i >= len(in) {
					return nil, fmt.Errorf("dimension %d of the new shape %v copies one that the input %v lacks", i, target, in)
				}
				out[i] = in[i]
			}
		case d.Size < -1:
			return nil, fmt.Errorf("new shape %v has a negative dimension", target)
		}
	}
	for i, d := range target {
		if d == free {
			if open >= 0 {
				return out, nil // several free ones, of which at most one is the -1
			}
			open = i
		}
	}
	if in == nil {
		return out, nil
	}
	left, have, exact := cancel(in, out, open)
	if open < 0 {
		if exact && left == nil && have[0] != have[1] {
			return nil, fmt.Errorf("%v has %d elements, the new shape %v has %d", in, have[0], target, have[1])
		}
		return out, nil
	}
	switch {
	case !exact:
	case left == nil && have[1] > 0:
		if have[0]%have[1] != 0 {
			return nil, fmt.Errorf("%v with %d elements does not fit the new shape %v", in, have[0], target)
		}
		out[open] = Dim{Size: have[0] / have[1]}
	case left != nil && have[0] == have[1]:
		out[open] = *left
	}
	return out, nil
}

// cancel strikes symbols that stand on both sides. It returns the one symbol left of the input, the products of the fixed dimensions
// of both sides, and whether nothing else is unknown.
func cancel(in, out []Dim, open int) (left *Dim, have [2]int, exact bool) {
	a, b := Dim{Size: 1}, Dim{Size: 1}
	var symbols []Dim
	for _, d := range in {
		if d.Fixed() {
			a = times(a, d)
		} else {
			symbols = append(symbols, d)
		}
	}
	for i, d := range out {
		switch {
		case i == open:
		case d.Fixed():
			b = times(b, d)
		default:
			at := slices.Index(symbols, d)
			if at < 0 || d.Symbol == "" {
				return nil, have, false
			}
			symbols = slices.Delete(symbols, at, at+1)
		}
	}
	if len(symbols) > 1 || !a.Fixed() || !b.Fixed() {
		return nil, have, false
	}
	if len(symbols) == 1 {
		left = &symbols[0]
	}
	return left, [2]int{a.Size, b.Size}, true
}

func inferFlatten(c *call) error {
	rank, ok := c.arg(0).rank()
	axis := int(c.Int("axis", 1))
	if axis < 0 {
		axis += rank
	}
	if !ok {
		c.set(0, c.arg(0).kind, unknownDims(2))
		return nil
	}
	if axis < 0 || axis > rank {
		return fmt.Errorf("axis %d is outside the input's rank %d", axis, rank)
	}
	rows, columns := Dim{Size: 1}, Dim{Size: 1}
	for i, d := range c.arg(0).shape {
		if i < axis {
			rows = times(rows, d)
		} else {
			columns = times(columns, d)
		}
	}
	c.set(0, c.arg(0).kind, []Dim{rows, columns})
	return nil
}

func inferSqueeze(c *call) error {
	axes, ok := c.ints("axes", 1)
	if c.arg(0).shape == nil || !ok {
		c.set(0, c.arg(0).kind, nil)
		return nil
	}
	shape, ok := squeeze(c.arg(0).shape, axes)
	if !ok {
		return fmt.Errorf("axes %v cannot be squeezed out of %v", axes, c.arg(0).shape)
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

// squeeze takes out the axes, or all of size 1 where axes is nil; a nil shape then means that free dimensions leave the rank open.
func squeeze(shape []Dim, axes []int64) ([]Dim, bool) {
	drop := make([]bool, len(shape))
	for _, a := range axes {
		axis, ok := axisOf(a, len(shape))
		if !ok || shape[axis].Fixed() && shape[axis].Size != 1 {
			return nil, false
		}
		drop[axis] = true
	}
	out := []Dim{}
	for i, d := range shape {
		if axes == nil && !d.Fixed() {
			return nil, true
		}
		if !drop[i] && (axes != nil || d.Size != 1) {
			out = append(out, d)
		}
	}
	return out, true
}

func inferUnsqueeze(c *call) error {
	axes, ok := c.ints("axes", 1)
	if c.arg(0).shape == nil || !ok {
		c.set(0, c.arg(0).kind, nil)
		return nil
	}
	shape, ok := unsqueeze(c.arg(0).shape, axes)
	if !ok {
		return fmt.Errorf("axes %v cannot be added to %v", axes, c.arg(0).shape)
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func unsqueeze(shape []Dim, axes []int64) ([]Dim, bool) {
	out, placed := make([]Dim, len(shape)+len(axes)), make([]bool, len(shape)+len(axes))
	for _, a := range axes {
		axis, ok := axisOf(a, len(out))
		if !ok || placed[axis] {
			return nil, false
		}
		out[axis], placed[axis] = Dim{Size: 1}, true
	}
	at := 0
	for i := range out {
		if !placed[i] {
			out[i] = shape[at]
			at++
		}
	}
	return out, true
}

func inferTranspose(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	rank, ok := c.arg(0).rank()
	if !ok {
		return nil
	}
	perm, ok := permutation(c.Ints("perm"), rank)
	if !ok {
		return fmt.Errorf("perm %v does not order %d axes", c.Ints("perm"), rank)
	}
	shape := make([]Dim, rank)
	for i, p := range perm {
		shape[i] = c.arg(0).shape[p]
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func inferConcat(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	rank, ok := c.arg(0).rank()
	if !ok {
		return nil
	}
	axis, ok := axisOf(c.Int("axis", 1), rank)
	if !ok {
		return fmt.Errorf("axis %d is outside the inputs' rank %d", c.Int("axis", 1), rank)
	}
	shape := slices.Clone(c.arg(0).shape)
	for _, f := range c.facts[1:] {
		if f.shape == nil {
			return nil
		}
		if len(f.shape) != rank {
			return fmt.Errorf("%v and %v cannot be joined", shape, f.shape)
		}
		for i, d := range f.shape {
			if i == axis {
				shape[i] = plus(shape[i], d)
			} else if shape[i], ok = agree(shape[i], d); !ok {
				return fmt.Errorf("%v and %v cannot be joined along axis %d", c.arg(0).shape, f.shape, axis)
			}
		}
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func plus(a, b Dim) Dim {
	switch {
	case a.Fixed() && b.Fixed():
		return through(a, func(size int) int { return size + b.Size })
	case b == Dim{}:
		return a
	case a == Dim{}:
		return b
	}
	return free
}

func inferSplit(c *call) error {
	rank, ok := c.arg(0).rank()
	axis, legal := axisOf(c.Int("axis", 0), rank)
	if !ok || len(c.out) == 0 {
		return nil
	}
	if !legal {
		return fmt.Errorf("axis %d is outside the input's rank %d", c.Int("axis", 0), rank)
	}
	sizes, known := c.ints("split", 1)
	if sizes != nil && len(sizes) != len(c.out) {
		return fmt.Errorf("%d sizes for %d outputs", len(sizes), len(c.out))
	}
	whole, parts := c.arg(0).shape[axis], len(c.out)
	for i := range c.out {
		shape := slices.Clone(c.arg(0).shape)
		shape[axis] = free
		switch {
		case sizes != nil:
			shape[axis] = Dim{Size: max(int(sizes[i]), -1)}
		case known && whole.Fixed(): // equal parts, the last one smaller
			each := (whole.Size + parts - 1) / parts
			shape[axis] = Dim{Size: max(min(each, whole.Size-i*each), 0)}
		}
		c.set(i, c.arg(0).kind, shape)
	}
	return nil
}

func inferSlice(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	rank, ok := c.arg(0).rank()
	if !ok {
		return nil
	}
	shape := slices.Clone(c.arg(0).shape)
	list, ok := slicings(&c.evaluation, rank, func(axis int) (int, bool) { return shape[axis].Size, shape[axis].Fixed() })
	if !ok {
		c.set(0, c.arg(0).kind, sliceUnknown(c, shape))
		return nil
	}
	for _, s := range list {
		switch {
		case s.count >= 0:
			shape[s.axis] = Dim{Size: s.count}
		case s.count == -1:
			shape[s.axis] = free
		}
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

// sliceUnknown: where only the axes are known, the others keep their dimensions.
func sliceUnknown(c *call, shape []Dim) []Dim {
	axes, ok := c.ints("axes", 3)
	for i := range shape {
		if !ok || axes == nil {
			shape[i] = free
		}
	}
	for _, a := range axes {
		if axis, ok := axisOf(a, len(shape)); ok {
			shape[axis] = free
		}
	}
	return shape
}

func inferPad(c *call) error {
	rank, ok := c.arg(0).rank()
	pads, known := c.ints("pads", 1)
	if !ok || !known {
		c.set(0, c.arg(0).kind, nil)
		if ok {
			c.set(0, c.arg(0).kind, unknownDims(rank))
		}
		return nil
	}
	axes := make([]int64, rank)
	for i := range axes {
		axes[i] = int64(i)
	}
	if c.Input(3) != "" {
		if axes, ok = c.evaluation.arg(3).list(); !ok {
			c.set(0, c.arg(0).kind, unknownDims(rank))
			return nil
		}
	}
	if len(pads) != 2*len(axes) {
		return fmt.Errorf("%d pads for %d axes, expected two each", len(pads), len(axes))
	}
	shape := slices.Clone(c.arg(0).shape)
	for i, a := range axes {
		axis, ok := axisOf(a, rank)
		if !ok {
			return fmt.Errorf("axis %d is outside the input's rank %d", a, rank)
		}
		if pad := int(pads[i] + pads[i+len(axes)]); pad != 0 {
			shape[axis] = through(shape[axis], func(size int) int { return size + pad })
		}
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func inferExpand(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	v := c.evaluation.arg(1)
	if v == nil || c.arg(0).shape == nil {
		return nil
	}
	shape, err := broadcastDims(c.arg(0).shape, v.dims())
	c.set(0, c.arg(0).kind, shape)
	return err
}

func inferTile(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	rank, ok := c.arg(0).rank()
	v := c.evaluation.arg(1)
	if !ok || v == nil {
		return nil
	}
	repeats := v.dims()
	if len(repeats) != rank {
		return fmt.Errorf("%d repeats for an input of rank %d", len(repeats), rank)
	}
	shape := make([]Dim, rank)
	for i := range shape {
		shape[i] = times(c.arg(0).shape[i], repeats[i])
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}

func inferGather(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	rank, ok := c.arg(0).rank()
	if !ok || c.arg(1).shape == nil {
		return nil
	}
	axis, ok := axisOf(c.Int("axis", 0), rank)
	if !ok {
		return fmt.Errorf("axis %d is outside the input's rank %d", c.Int("axis", 0), rank)
	}
	data := c.arg(0).shape
	c.set(0, c.arg(0).kind, joined(data[:axis], c.arg(1).shape, data[axis+1:]))
	return nil
}

// joined puts parts of shapes together; never nil, which would be an unknown rank.
func joined(parts ...[]Dim) []Dim {
	return append([]Dim{}, slices.Concat(parts...)...)
}

func inferGatherElements(c *call) error {
	c.set(0, c.arg(0).kind, c.arg(1).shape)
	return nil
}

func inferGatherND(c *call) error {
	c.set(0, c.arg(0).kind, nil)
	data, indices, batch := c.arg(0).shape, c.arg(1).shape, int(c.Int("batch_dims", 0))
	if data == nil || len(indices) == 0 || !indices[len(indices)-1].Fixed() {
		return nil
	}
	depth := indices[len(indices)-1].Size
	if batch < 0 || batch+depth > len(data) {
		return fmt.Errorf("indices %v are too deep for data %v", indices, data)
	}
	c.set(0, c.arg(0).kind, joined(indices[:len(indices)-1], data[batch+depth:]))
	return nil
}

func inferOneHot(c *call) error {
	c.set(0, c.arg(2).kind, nil)
	rank, ok := c.arg(0).rank()
	if !ok {
		return nil
	}
	axis, ok := axisOf(c.Int("axis", -1), rank+1)
	if !ok {
		return errors.New("axis is outside the output's rank")
	}
	depth := free
	if v, ok := c.evaluation.arg(1).list(); ok && len(v) == 1 {
		depth = Dim{Size: max(int(v[0]), -1)}
	}
	c.set(0, c.arg(2).kind, slices.Insert(slices.Clone(c.arg(0).shape), axis, depth))
	return nil
}

func inferNonZero(c *call) error {
	shape := unknownDims(2)
	if rank, ok := c.arg(0).rank(); ok {
		shape[0].Size = rank
	}
	c.set(0, tensor.Int64, shape)
	return nil
}

func inferDepthToSpace(c *call) error {
	return rearrange(c, func(channels, size, block int) (int, int) { return channels / (block * block), size * block })
}

func inferSpaceToDepth(c *call) error {
	return rearrange(c, func(channels, size, block int) (int, int) { return channels * block * block, size / block })
}

func rearrange(c *call, f func(channels, size, block int) (int, int)) error {
	c.set(0, c.arg(0).kind, nil)
	block := int(c.Int("blocksize", 0))
	in := c.arg(0).shape
	if in == nil {
		return nil
	}
	if len(in) != 4 || block < 1 || block > 1<<20 {
		return fmt.Errorf("input %v with blocks of %d; expected [N,C,H,W] and a positive size", in, block)
	}
	shape := slices.Clone(in)
	shape[1] = through(in[1], func(size int) int { n, _ := f(size, 0, block); return n })
	for i := 2; i < 4; i++ {
		shape[i] = through(in[i], func(size int) int { _, n := f(0, size, block); return n })
	}
	c.set(0, c.arg(0).kind, shape)
	return nil
}
