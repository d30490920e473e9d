package eager

import "slices"

// Part selects on one axis of an index; see [At], [Span], [All], [NewAxis] and [Ellipsis].
type Part struct {
	kind              partKind
	start, stop, step int
	hasStart, hasStop bool
}

type partKind uint8

const (
	partSpan partKind = iota
	partAt
	partNew
	partRest
)

// Parts that need no numbers: a whole axis, a new axis of size 1, and whole axes as many as are left.
var (
	Whole    = Part{step: 1}
	NewAxis  = Part{kind: partNew}
	Ellipsis = Part{kind: partRest}
)

// At selects one position and drops the axis; negative counts from the end.
func At(i int) Part { return Part{kind: partAt, start: i} }

// Span selects start:stop:step as in Python.
func Span(start, stop, step int) Part {
	return Part{start: start, stop: stop, step: step, hasStart: true, hasStop: true}
}

// From selects start to the end.
func From(start int) Part { return Part{start: start, step: 1, hasStart: true} }

// To selects everything before stop.
func To(stop int) Part { return Part{stop: stop, step: 1, hasStop: true} }

// Every selects each step-th position; -1 reverses.
func Every(step int) Part { return Part{step: step} }

// Index selects by the parts, one an axis; missing ones are whole axes.
func Index[T Tensor[T]](x T, parts ...Part) T {
	shape := x.Shape()
	used := 0
	for _, p := range parts {
		if p.kind == partAt || p.kind == partSpan {
			used++
		}
	}
	if used > len(shape) {
		return fail(x, Errorf("index", ErrIndex, "expected at most %d parts for shape %v, found %d", len(shape), shape, used))
	}
	rest := slices.Repeat([]Part{Whole}, len(shape)-used)
	if at := slices.Index(parts, Ellipsis); at >= 0 {
		parts = slices.Concat(parts[:at], rest, parts[at+1:])
	} else {
		parts = slices.Concat(parts, rest)
	}
	ranges, out := []Range{}, []int{}
	for _, p := range parts {
		if p.kind == partNew {
			out = append(out, 1)
			continue
		}
		if len(ranges) == len(shape) {
			return fail(x, Errorf("index", ErrIndex, "expected one ellipsis, found more"))
		}
		r, err := p.within(shape[len(ranges)])
		if err != nil {
			return fail(x, err)
		}
		ranges = append(ranges, r)
		if p.kind != partAt {
			out = append(out, r.Len())
		}
	}
	return x.Slice(ranges).Reshape(out)
}

// within resolves a part on an axis of n elements.
func (p Part) within(n int) (Range, error) {
	if p.kind == partRest {
		return Range{}, Errorf("index", ErrIndex, "expected one ellipsis, found more")
	}
	if p.kind == partAt {
		if p.start < -n || p.start >= n {
			return Range{}, Errorf("index", ErrIndex, "expected a position within %d, found %d", n, p.start)
		}
		at := (p.start + n) % n
		return Range{at, at + 1, 1}, nil
	}
	if p.step == 0 {
		return Range{}, Errorf("index", ErrIndex, "expected a step that is not 0")
	}
	low, high := 0, n
	if p.step < 0 {
		low, high = -1, n-1
	}
	bound := func(value int, given bool, otherwise int) int {
		if !given {
			return otherwise
		}
		if value < 0 {
			value += n
		}
		return min(max(value, low), high)
	}
	if p.step < 0 {
		return Range{bound(p.start, p.hasStart, high), bound(p.stop, p.hasStop, low), p.step}, nil
	}
	return Range{bound(p.start, p.hasStart, low), bound(p.stop, p.hasStop, high), p.step}, nil
}

// Pick selects by Int64 tensors, one for each leading axis, which broadcast against each other and replace those axes.
func Pick[T Tensor[T]](x T, indices ...T) T {
	shape := x.Shape()
	if len(indices) == 0 || len(indices) > len(shape) {
		return fail(x, Errorf("pick", ErrIndex, "expected 1 to %d index tensors, found %d", len(shape), len(indices)))
	}
	k := len(indices)
	flat := indices[0]
	if k > 1 {
		flat = flatIndex(shape[:k], indices)
	}
	merged := x.Reshape(slices.Concat([]int{Size(shape[:k])}, shape[k:]))
	return merged.Gather(0, flat)
}

// flatIndex merges positions on several axes into one. A position out of range becomes one that the gather refuses.
func flatIndex[T Tensor[T]](shape []int, indices []T) T {
	flat := indices[0].Full(Int64, 0, nil)
	inside := flat.Full(Bool, 1, nil)
	for axis, index := range indices {
		n := float64(shape[axis])
		inside = inside.Binary(OpAnd, index.Compare(OpLess, Scalar(index, n)))
		inside = inside.Binary(OpAnd, index.Compare(OpGreaterEqual, Scalar(index, -n)))
		index = index.Compare(OpLess, Scalar(index, 0)).Where(index.BinaryScalar(OpAdd, n, false), index)
		flat = flat.BinaryScalar(OpMul, n, false).Binary(OpAdd, index)
	}
	return inside.Where(flat, Scalar(flat, float64(Size(shape))))
}

// Mask selects the elements where the mask, of the shape of x or of its first axis, is true.
func Mask[T Eager[T]](x, mask T) T {
	shape, of := x.Shape(), mask.Shape()
	if mask.Err() == nil && mask.DType() != Bool {
		return fail(x, Errorf("mask", ErrDType, "expected bool, found %v", mask.DType()))
	}
	if len(of) == 0 || len(of) > len(shape) || !slices.Equal(of, shape[:len(of)]) {
		return fail(x, Errorf("mask", ErrShape, "expected a mask of the leading axes of %v, found %v", shape, of))
	}
	values, err := mask.Floats()
	if err != nil {
		return fail(x, err)
	}
	var at []float64
	for i, v := range values {
		if v != 0 {
			at = append(at, float64(i))
		}
	}
	merged := x.Reshape(slices.Concat([]int{Size(of)}, shape[len(of):]))
	return merged.Gather(0, x.FromFlat(Int64, at, []int{len(at)}))
}

// TakeAlongAxis selects along an axis by positions that differ between the lines; index has the shape of x except on the axis.
func TakeAlongAxis[T Tensor[T]](x, index T, axis int) T {
	axes, err := resolve("take_along_axis", x.Shape(), axis)
	if err != nil {
		return fail(x, err)
	}
	shape, positions := x.Shape(), make([]T, len(x.Shape()))
	for i, n := range shape {
		own := slices.Repeat([]int{1}, len(shape))
		own[i] = n
		positions[i] = x.Arange(0, n, 1).Reshape(own)
	}
	if of := index.Shape(); index.Err() == nil && !alongFits(shape, of, axes[0]) {
		return fail(x, Errorf("take_along_axis", ErrShape, "expected the shape %v except on axis %d, found %v", shape, axes[0], of))
	}
	positions[axes[0]] = index
	return Pick(x, positions...)
}

func alongFits(shape, index []int, axis int) bool {
	if len(shape) != len(index) {
		return false
	}
	for i := range shape {
		if i != axis && shape[i] != index[i] {
			return false
		}
	}
	return true
}

// Put returns x with the selected positions replaced by values, which broadcast to the selection.
func Put[T Tensor[T]](x T, parts []Part, values T) T {
	return put(x, Index(positions(x), parts...), values)
}

// PutAt returns x with the positions that Pick selects replaced by values; the last of duplicates wins.
func PutAt[T Tensor[T]](x T, indices []T, values T) T {
	return put(x, Pick(positions(x), indices...), values)
}

func positions[T Tensor[T]](x T) T { return x.Arange(0, Size(x.Shape()), 1).Reshape(x.Shape()) }

func put[T Tensor[T]](x, at, values T) T {
	if at.Err() != nil {
		return fail(x, at.Err())
	}
	return x.ScatterSet(at, values.BroadcastTo(at.Shape()))
}

// Rows returns the parts of x along its first axis, without that axis.
func Rows[T Tensor[T]](x T) []T {
	shape := x.Shape()
	if x.Err() != nil || len(shape) == 0 {
		return []T{fail(x, Errorf("rows", ErrShape, "expected an axis to go along, found a scalar"))}
	}
	rows := make([]T, shape[0])
	for i := range rows {
		rows[i] = Index(x, At(i))
	}
	return rows
}
