package eager

import "math"

// Sum returns the sum; that of integers and masks is Int64, over the axes, all of them where none is named.
func Sum[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x, OpSum, keep, axes...) }

// Prod returns the product; that of integers and masks is Int64, over the axes, all of them where none is named.
func Prod[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x, OpProd, keep, axes...) }

// Min returns the smallest; NaN where one is, over the axes, all of them where none is named.
func Min[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x, OpMin, keep, axes...) }

// Max returns the largest; NaN where one is, over the axes, all of them where none is named.
func Max[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x, OpMax, keep, axes...) }

// All returns whether all of a mask are true, over the axes, all of them where none is named.
func All[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x, OpAll, keep, axes...) }

// Any returns whether any of a mask is true, over the axes, all of them where none is named.
func Any[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x, OpAny, keep, axes...) }

// ArgSort returns the positions that sort ascending along the axis, stable, NaN last.
func ArgSort[T Tensor[T]](x T, axis int) T {
	_, index := Sort(x, axis)
	return index
}

// Reduce folds the axes, all of them where none is named; negative axes count from the end.
func Reduce[T Tensor[T]](x T, op ReduceOp, keep bool, axes ...int) T {
	resolved, err := resolve(op.String(), x.Shape(), axes...)
	if err != nil {
		return fail(x, err)
	}
	return x.Reduce(op, resolved, keep)
}

// Mean returns the mean over the axes, all of them where none is named. Integers and masks are cast first.
func Mean[T Tensor[T]](x T, keep bool, axes ...int) T {
	if !x.DType().Float() {
		return fail(x, Errorf("mean", ErrDType, "expected floats, found %v; cast first", x.DType()))
	}
	resolved, err := resolve("mean", x.Shape(), axes...)
	if err != nil {
		return fail(x, err)
	}
	count := 1
	for _, axis := range resolved {
		count *= x.Shape()[axis]
	}
	return x.Reduce(OpSum, resolved, keep).BinaryScalar(OpDiv, float64(count), false)
}

// ArgMax returns the first positions of the largest elements along the axis.
func ArgMax[T Tensor[T]](x T, axis int) T { return argReduce(x, OpMax, axis) }

// ArgMin returns the first positions of the smallest elements along the axis.
func ArgMin[T Tensor[T]](x T, axis int) T { return argReduce(x, OpMin, axis) }

func argReduce[T Tensor[T]](x T, op ReduceOp, axis int) T {
	axes, err := resolve("arg"+op.String(), x.Shape(), axis)
	if err != nil {
		return fail(x, err)
	}
	return x.ArgReduce(op, axes[0], false)
}

// Sort sorts ascending along the axis, stable, NaN last; index holds where each element came from.
func Sort[T Tensor[T]](x T, axis int) (sorted, index T) {
	axes, err := resolve("sort", x.Shape(), axis)
	if err != nil {
		return fail(x, err), fail(x, err)
	}
	return x.SortWithIndex(axes[0], false)
}

// TopK returns the k largest elements along the last axis, largest first, and their positions.
func TopK[T Tensor[T]](x T, k int) (values, index T) {
	shape := x.Shape()
	if len(shape) == 0 || k < 0 || k > shape[len(shape)-1] {
		err := Errorf("topk", ErrShape, "expected 0 <= k <= the last axis, found k=%d and shape %v", k, shape)
		return fail(x, err), fail(x, err)
	}
	values, index = x.SortWithIndex(len(shape)-1, true)
	first := []Part{Ellipsis, To(k)}
	return Index(values, first...), Index(index, first...)
}

// CumSum returns running sums along the axis.
func CumSum[T Tensor[T]](x T, axis int) T {
	axes, err := resolve("cumsum", x.Shape(), axis)
	if err != nil {
		return fail(x, err)
	}
	return x.CumSum(axes[0])
}

// L0 counts the elements that are not zero, in the type of x.
func L0[T Tensor[T]](x T, keep bool, axes ...int) T {
	return Reduce(x.Compare(OpNotEqual, Scalar(x, 0)).Cast(x.DType()), OpSum, keep, axes...)
}

// L1 sums absolute values.
func L1[T Tensor[T]](x T, keep bool, axes ...int) T {
	return Reduce(x.Unary(OpAbs), OpSum, keep, axes...)
}

// L2 returns the root of the sum of squares, which may be beyond the type's range. Its gradient at zero is zero.
func L2[T Tensor[T]](x T, keep bool, axes ...int) T {
	return scaled(x, keep, axes, func(part T) T {
		squares := Sum(Square(part), true, axes...)
		zero := EqualScalar(squares, 0)
		return zero.Where(squares, zero.Where(Scalar(squares, 1), squares).Unary(OpSqrt))
	})
}

// scaled computes a norm, homogeneous of degree 1, of x over its largest magnitude, so that powers neither overflow nor vanish. The scale
// is a constant to gradients: the norm does not depend on it.
func scaled[T Tensor[T]](x T, keep bool, axes []int, norm func(part T) T) T {
	if !x.DType().Float() && x.Err() == nil {
		return x.Fail(Errorf("norm", ErrDType, "expected floats, found %v; cast first", x.DType()))
	}
	if Size(x.Shape()) == 0 {
		return L1(x, keep, axes...)
	}
	scale := CustomVJP([]T{x}, func(xs []T) T {
		most := LInf(xs[0], true, axes...)
		usable := And(GreaterScalar(most, 0), LessScalar(most, math.Inf(1)))
		return usable.Where(most, Scalar(most, 1))
	}, func(xs []T, _, _ T) []T { return []T{ZerosLike(xs[0])} })
	out := Mul(norm(Div(x, scale)), scale)
	if keep || out.Err() != nil {
		return out
	}
	if len(axes) == 0 {
		return out.Reshape(nil)
	}
	return Squeeze(out, axes...)
}

// LInf returns the largest absolute value.
func LInf[T Tensor[T]](x T, keep bool, axes ...int) T {
	return Reduce(x.Unary(OpAbs), OpMax, keep, axes...)
}

// Lp returns (sum |x|^p)^(1/p); p = 0 counts and p = +Inf takes the largest. Negative p and NaN are errors.
func Lp[T Tensor[T]](x T, p float64, keep bool, axes ...int) T {
	switch {
	case p == 0:
		return L0(x, keep, axes...)
	case p == 1:
		return L1(x, keep, axes...)
	case p == 2:
		return L2(x, keep, axes...)
	case math.IsInf(p, 1):
		return LInf(x, keep, axes...)
	case !(p > 0):
		return fail(x, Errorf("lp", ErrIndex, "expected p >= 0, found %v", p))
	}
	return scaled(x, keep, axes, func(part T) T {
		return PowScalar(Sum(PowScalar(Abs(part), p), true, axes...), 1/p)
	})
}
