package eager

import "slices"

// resolve turns axes into sorted ones from zero; none names all.
func resolve(op string, shape []int, axes ...int) ([]int, error) {
	out := make([]int, 0, len(shape))
	if len(axes) == 0 {
		for axis := range shape {
			out = append(out, axis)
		}
		return out, nil
	}
	for _, axis := range axes {
		found := axis
		if found < 0 {
			found += len(shape)
		}
		if found < 0 || found >= len(shape) {
			return nil, Errorf(op, ErrAxis, "expected an axis of shape %v, found %d", shape, axis)
		}
		if slices.Contains(out, found) {
			return nil, Errorf(op, ErrAxis, "axis %d is named twice", axis)
		}
		out = append(out, found)
	}
	slices.Sort(out)
	return out, nil
}

// Reshape gives x another shape of as many elements; one size may be -1.
func Reshape[T Tensor[T]](x T, shape ...int) T {
	size, known, free := Size(x.Shape()), 1, -1
	out := slices.Clone(shape)
	for axis, n := range out {
		switch {
		case n >= 0:
			known *= n
		case n == -1 && free < 0:
			free = axis
		default:
			return fail(x, Errorf("reshape", ErrShape, "expected sizes and at most one -1, found %v", shape))
		}
	}
	if free >= 0 && known > 0 {
		out[free] = size / known
		known *= out[free]
	}
	if known != size || free >= 0 && out[free] < 0 {
		return fail(x, Errorf("reshape", ErrShape, "expected %d elements for shape %v, found %v", size, x.Shape(), shape))
	}
	return x.Reshape(out)
}

// Size counts the elements of a shape.
func Size(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}

// Flatten merges the axes start to end, both included; negative ones count from the end. A scalar becomes a vector of one element.
func Flatten[T Tensor[T]](x T, start, end int) T {
	shape := x.Shape()
	if len(shape) == 0 {
		return Reshape(x, 1)
	}
	first, err := resolve("flatten", shape, start)
	last, err2 := resolve("flatten", shape, end)
	if err != nil || err2 != nil || first[0] > last[0] {
		return fail(x, Errorf("flatten", ErrAxis, "expected start <= end within shape %v, found %d and %d", shape, start, end))
	}
	out := append(slices.Clone(shape[:first[0]]), Size(shape[first[0]:last[0]+1]))
	return x.Reshape(append(out, shape[last[0]+1:]...))
}

// Transpose permutes the axes, or reverses them where none is named.
func Transpose[T Tensor[T]](x T, axes ...int) T {
	rank := len(x.Shape())
	out := make([]int, rank)
	if len(axes) == 0 {
		for i := range out {
			out[i] = rank - 1 - i
		}
		return x.Transpose(out)
	}
	if all, err := resolve("transpose", x.Shape(), axes...); err != nil || len(all) != rank {
		return fail(x, Errorf("transpose", ErrAxis, "expected a permutation of %d axes, found %v", rank, axes))
	}
	for i, axis := range axes {
		out[i] = (axis + rank) % rank
	}
	return x.Transpose(out)
}

// Squeeze drops the axes, each of size 1; without axes all that have size 1.
func Squeeze[T Tensor[T]](x T, axes ...int) T {
	shape := x.Shape()
	drop, err := resolve("squeeze", shape, axes...)
	if err != nil {
		return fail(x, err)
	}
	out := []int{}
	for axis, n := range shape {
		switch {
		case !slices.Contains(drop, axis) || n != 1 && len(axes) == 0:
			out = append(out, n)
		case n != 1:
			return fail(x, Errorf("squeeze", ErrShape, "expected size 1 at axis %d, found shape %v", axis, shape))
		}
	}
	return x.Reshape(out)
}

// ExpandDims puts an axis of size 1 at the place it has in the result.
func ExpandDims[T Tensor[T]](x T, axis int) T {
	shape := x.Shape()
	at, err := resolve("expand_dims", append(slices.Clone(shape), 1), axis)
	if err != nil {
		return fail(x, err)
	}
	return x.Reshape(slices.Insert(slices.Clone(shape), at[0], 1))
}

// Tile repeats x along each axis; multiples has one entry an axis.
func Tile[T Tensor[T]](x T, multiples ...int) T {
	shape := x.Shape()
	if len(multiples) != len(shape) || slices.ContainsFunc(multiples, func(m int) bool { return m < 0 }) {
		return fail(x, Errorf("tile", ErrShape, "expected a count for each axis of %v, found %v", shape, multiples))
	}
	var split, wide, out []int
	for axis, n := range shape {
		split, wide, out = append(split, 1, n), append(wide, multiples[axis], n), append(out, n*multiples[axis])
	}
	return x.Reshape(split).BroadcastTo(wide).Reshape(out)
}

// Concatenate joins tensors, at least one, along an axis.
func Concatenate[T Tensor[T]](axis int, first T, others ...T) T {
	axes, err := resolve("concatenate", first.Shape(), axis)
	if err != nil {
		return fail(first, err)
	}
	return first.Concat(axes[0], others)
}

// Stack joins tensors of one shape along a new axis.
func Stack[T Tensor[T]](axis int, first T, others ...T) T {
	wide := make([]T, len(others))
	for i, other := range others {
		if other.Err() == nil && !slices.Equal(other.Shape(), first.Shape()) {
			return fail(first, Errorf("stack", ErrShape, "expected shape %v, found %v", first.Shape(), other.Shape()))
		}
		wide[i] = ExpandDims(other, axis)
	}
	return Concatenate(axis, ExpandDims(first, axis), wide...)
}

// Flip reverses the axes, all of them where none is named.
func Flip[T Tensor[T]](x T, axes ...int) T {
	flipped, err := resolve("flip", x.Shape(), axes...)
	if err != nil {
		return fail(x, err)
	}
	ranges := whole(x.Shape())
	for _, axis := range flipped {
		ranges[axis] = Range{x.Shape()[axis] - 1, -1, -1}
	}
	return x.Slice(ranges)
}

func whole(shape []int) []Range {
	ranges := make([]Range, len(shape))
	for axis, n := range shape {
		ranges[axis] = Range{0, n, 1}
	}
	return ranges
}

// Pad puts value before and after each axis.
func Pad[T Tensor[T]](x T, value float64, paddings ...[2]int) T {
	if err := checkPaddings("pad", x.Shape(), paddings); err != nil {
		return fail(x, err)
	}
	return x.Pad(paddings, value)
}

// PadReflect mirrors x at its borders, which are not repeated; a padding is smaller than its axis.
func PadReflect[T Tensor[T]](x T, paddings ...[2]int) T {
	if err := checkPaddings("pad", x.Shape(), paddings); err != nil {
		return fail(x, err)
	}
	for axis, p := range paddings {
		n := x.Shape()[axis]
		if max(p[0], p[1]) >= max(n, 1) {
			return fail(x, Errorf("pad", ErrShape, "expected a reflection smaller than axis %d of %v, found %v", axis, x.Shape(), p))
		}
		if p == [2]int{} {
			continue
		}
		before, after := whole(x.Shape()), whole(x.Shape())
		before[axis] = Range{p[0], 0, -1}
		after[axis] = Range{n - 2, n - 2 - p[1], -1}
		x = x.Slice(before).Concat(axis, []T{x, x.Slice(after)})
	}
	return x
}

func checkPaddings(op string, shape []int, paddings [][2]int) error {
	if len(paddings) != len(shape) {
		return Errorf(op, ErrShape, "expected a pair for each axis of %v, found %d", shape, len(paddings))
	}
	for _, p := range paddings {
		if p[0] < 0 || p[1] < 0 {
			return Errorf(op, ErrShape, "expected paddings of 0 or more, found %v", p)
		}
	}
	return nil
}

// MeshGrid returns the coordinates of a grid over vectors; with xy the first two axes are swapped, as in NumPy.
func MeshGrid[T Tensor[T]](xy bool, vectors ...T) []T {
	shape := make([]int, len(vectors))
	place := make([]int, len(vectors))
	for i, v := range vectors {
		place[i] = i
		if xy && len(vectors) > 1 && i < 2 {
			place[i] = 1 - i
		}
		shape[place[i]] = Size(v.Shape())
	}
	out := make([]T, len(vectors))
	for i, v := range vectors {
		if len(v.Shape()) != 1 {
			out[i] = fail(v, Errorf("meshgrid", ErrShape, "expected vectors, found shape %v", v.Shape()))
			continue
		}
		own := slices.Repeat([]int{1}, len(vectors))
		own[place[i]] = shape[place[i]]
		out[i] = v.Reshape(own).BroadcastTo(shape)
	}
	return out
}

// BroadcastAs repeats axes of size 1, and new leading ones, up to the shape.
func BroadcastAs[T Tensor[T]](x T, shape ...int) T { return x.BroadcastTo(shape) }

// MatMul multiplies the matrices x [n, k] and y [k, m].
func MatMul[T Tensor[T]](x, y T) T { return x.MatMul(y) }

// Inverse inverts the matrices x [..., n, n]; a singular one is an error.
func Inverse[T Tensor[T]](x T) T { return x.Inverse() }

// SlogDet returns sign and log |det| of the matrices x [..., n, n]; a singular one has 0 and -Inf.
func SlogDet[T Tensor[T]](x T) (sign, logAbs T) { return x.SlogDet() }
