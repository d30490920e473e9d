package eager

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
	return x.Reduce(Sum, resolved, keep).BinaryScalar(Div, float64(count), false)
}

// ArgMax returns the first positions of the largest elements along the axis.
func ArgMax[T Tensor[T]](x T, axis int) T { return argReduce(x, Max, axis) }

// ArgMin returns the first positions of the smallest elements along the axis.
func ArgMin[T Tensor[T]](x T, axis int) T { return argReduce(x, Min, axis) }

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
	return Reduce(x.Compare(NotEqual, Scalar(x, 0)).Cast(x.DType()), Sum, keep, axes...)
}

// L1 sums absolute values.
func L1[T Tensor[T]](x T, keep bool, axes ...int) T { return Reduce(x.Unary(Abs), Sum, keep, axes...) }

// L2 returns the root of the sum of squares. Its gradient at zero is zero.
func L2[T Tensor[T]](x T, keep bool, axes ...int) T {
	squares := Reduce(x.Unary(Square), Sum, keep, axes...)
	zero := squares.Compare(Equal, Scalar(squares, 0))
	return zero.Where(squares, zero.Where(Scalar(squares, 1), squares).Unary(Sqrt))
}

// LInf returns the largest absolute value.
func LInf[T Tensor[T]](x T, keep bool, axes ...int) T {
	return Reduce(x.Unary(Abs), Max, keep, axes...)
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
	case p > 1e300:
		return LInf(x, keep, axes...)
	case !(p > 0):
		return fail(x, Errorf("lp", ErrIndex, "expected p >= 0, found %v", p))
	}
	powers := x.Unary(Abs).BinaryScalar(Pow, p, false)
	return Reduce(powers, Sum, keep, axes...).BinaryScalar(Pow, 1/p, false)
}
