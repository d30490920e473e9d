package eager

import "slices"

// What follows are the shapes that primitives give, for engines: each checks its arguments, so that no engine checks again.

// Broadcast returns the shape that two shapes broadcast to: aligned from the right, sizes are equal or 1.
func Broadcast(op string, a, b []int) ([]int, error) {
	if slices.Equal(a, b) {
		return a, nil
	}
	long, short := a, b
	if len(a) < len(b) {
		long, short = b, a
	}
	out, shift := slices.Clone(long), len(long)-len(short)
	for i, n := range short {
		switch {
		case n == out[shift+i] || n == 1:
		case out[shift+i] == 1:
			out[shift+i] = n
		default:
			return nil, Errorf(op, ErrShape, "expected shapes that broadcast, found %v and %v", a, b)
		}
	}
	return out, nil
}

// BroadcastTo reports whether a shape broadcasts to another.
func BroadcastTo(from, to []int) error {
	if joint, err := Broadcast("broadcast", from, to); err != nil || !slices.Equal(joint, to) {
		return Errorf("broadcast", ErrShape, "expected a shape that broadcasts to %v, found %v", to, from)
	}
	return nil
}

// ReduceShape returns the shape after folding axes, which count from zero and rise.
func ReduceShape(op ReduceOp, shape, axes []int, keep bool) ([]int, error) {
	if err := CheckAxes(op.String(), shape, axes...); err != nil {
		return nil, err
	}
	out := []int{}
	for axis, n := range shape {
		switch {
		case !slices.Contains(axes, axis):
			out = append(out, n)
		case n == 0 && (op == OpMin || op == OpMax):
			return nil, Errorf(op.String(), ErrShape, "expected elements, found shape %v", shape)
		case keep:
			out = append(out, 1)
		}
	}
	return out, nil
}

// ReduceType returns the type of a reduction of d.
func ReduceType(op ReduceOp, d DType) (DType, error) {
	switch {
	case op <= OpProd && !d.Float():
		return Int64, nil
	case op > OpProd && (op >= OpAll) != (d == Bool):
		return 0, Errorf(op.String(), ErrDType, "not defined for %v; cast first", d)
	}
	return d, nil
}

// CheckAxes reports an axis that is not one of the shape's, counted from zero, or does not lie above the one before it.
func CheckAxes(op string, shape []int, axes ...int) error {
	for i, axis := range axes {
		if axis < 0 || axis >= len(shape) || i > 0 && axis <= axes[i-1] {
			return Errorf(op, ErrAxis, "expected rising axes of shape %v, found %v", shape, axes)
		}
	}
	return nil
}

// TransposeShape returns the shape with its axes permuted.
func TransposeShape(shape, axes []int) ([]int, error) {
	out, seen := make([]int, len(shape)), make([]bool, len(shape))
	if len(axes) != len(shape) {
		return nil, Errorf("transpose", ErrAxis, "expected a permutation of %d axes, found %v", len(shape), axes)
	}
	for i, axis := range axes {
		if axis < 0 || axis >= len(shape) || seen[axis] {
			return nil, Errorf("transpose", ErrAxis, "expected a permutation of %d axes, found %v", len(shape), axes)
		}
		out[i], seen[axis] = shape[axis], true
	}
	return out, nil
}

// SliceShape returns the shape of a selection, one range an axis.
func SliceShape(shape []int, ranges []Range) ([]int, error) {
	if len(ranges) != len(shape) {
		return nil, Errorf("slice", ErrIndex, "expected a range for each axis of %v, found %d", shape, len(ranges))
	}
	out := make([]int, len(shape))
	for axis, r := range ranges {
		if r.Step == 0 {
			return nil, Errorf("slice", ErrIndex, "expected a step that is not 0")
		}
		out[axis] = r.Len()
		if last := r.Start + (out[axis]-1)*r.Step; out[axis] > 0 && (min(r.Start, last) < 0 || max(r.Start, last) >= shape[axis]) {
			return nil, Errorf("slice", ErrIndex, "expected a range within axis %d of %v, found %d:%d:%d", axis, shape, r.Start, r.Stop, r.Step)
		}
	}
	return out, nil
}

// ConcatShape returns the shape of tensors that differ only on the axis.
func ConcatShape(axis int, first []int, others ...[]int) ([]int, error) {
	if err := CheckAxes("concatenate", first, axis); err != nil {
		return nil, err
	}
	out := slices.Clone(first)
	for _, shape := range others {
		if len(shape) != len(first) || !slices.Equal(shape[:axis], first[:axis]) || !slices.Equal(shape[axis+1:], first[axis+1:]) {
			return nil, Errorf("concatenate", ErrShape, "expected %v except on axis %d, found %v", first, axis, shape)
		}
		out[axis] += shape[axis]
	}
	return out, nil
}

// PadShape returns the shape with elements before and after each axis.
func PadShape(shape []int, paddings [][2]int) ([]int, error) {
	if err := checkPaddings("pad", shape, paddings); err != nil {
		return nil, err
	}
	out := slices.Clone(shape)
	for axis, p := range paddings {
		out[axis] += p[0] + p[1]
	}
	return out, nil
}

// MatMulShape returns the shape of a matrix product.
func MatMulShape(a, b []int) ([]int, error) {
	if len(a) != 2 || len(b) != 2 || a[1] != b[0] {
		return nil, Errorf("matmul", ErrShape, "expected [n, k] and [k, m], found %v and %v", a, b)
	}
	return []int{a[0], b[1]}, nil
}

// CheckShape reports sizes below 0, or, where size is not negative, another number of elements.
func CheckShape(op string, shape []int, size int) error {
	if slices.ContainsFunc(shape, func(n int) bool { return n < 0 }) {
		return Errorf(op, ErrShape, "expected sizes of 0 or more, found %v", shape)
	}
	if size >= 0 && Size(shape) != size {
		return Errorf(op, ErrShape, "expected %d elements, found shape %v", size, shape)
	}
	return nil
}

// CheckTypes reports two operands whose types differ.
func CheckTypes(op string, x, y DType) error {
	if x != y {
		return Errorf(op, ErrDType, "expected one type, found %v and %v; cast first", x, y)
	}
	return nil
}
