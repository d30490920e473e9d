package eager

// Clip returns x within [low, high]; where low exceeds high, high. NaN stays. The gradient at the bounds is 1.
func Clip[T Tensor[T]](x T, low, high float64) T {
	x = x.Compare(Less, Scalar(x, low)).Where(Scalar(x, low), x)
	return x.Compare(Greater, Scalar(x, high)).Where(Scalar(x, high), x)
}

// Scalar returns a tensor of rank 0 with the type of x.
func Scalar[T Tensor[T]](x T, value float64) T { return x.Full(x.DType(), value, nil) }

// Softmax returns exp(x) over its sum along the axis. The maximum is subtracted first, so large inputs stay finite.
func Softmax[T Tensor[T]](x T, axis int) T { return LogSoftmax(x, axis).Unary(Exp) }

// LogSoftmax returns x - log(sum(exp(x))) along the axis.
func LogSoftmax[T Tensor[T]](x T, axis int) T {
	axes, err := resolve("log_softmax", x.Shape(), axis)
	if err != nil {
		return fail(x, err)
	}
	shifted := x.Binary(Sub, x.Reduce(Max, axes, true))
	return shifted.Binary(Sub, shifted.Unary(Exp).Reduce(Sum, axes, true).Unary(Log))
}

// CrossEntropy returns logsumexp(logits) - logits[label] a row: logits [n, classes], labels [n] Int64.
func CrossEntropy[T Tensor[T]](logits, labels T) T {
	shape := logits.Shape()
	if err := labelsOf("crossentropy", shape, labels); err != nil {
		return fail(logits, err)
	}
	return Squeeze(TakeAlongAxis(LogSoftmax(logits, 1), ExpandDims(classes(labels, shape[1]), 1), 1), 1).Unary(Neg)
}

// KLDivergence returns sum p (log p - log q) along the axis, where p and q are the softmax of the logits along it.
func KLDivergence[T Tensor[T]](p, q T, axis int, keep bool) T {
	logP := LogSoftmax(p, axis)
	terms := logP.Unary(Exp).Binary(Mul, logP.Binary(Sub, LogSoftmax(q, axis)))
	return Reduce(terms, Sum, keep, axis)
}

// OneHotLike returns zeros of the shape and type of x [n, classes] except value at (i, indices[i]). The value may be infinite.
func OneHotLike[T Tensor[T]](x, indices T, value float64) T {
	shape := x.Shape()
	if err := labelsOf("onehot_like", shape, indices); err != nil {
		return fail(x, err)
	}
	rows := x.Arange(0, shape[0], 1)
	return PutAt(x.Full(x.DType(), 0, shape), []T{rows, classes(indices, shape[1])}, Scalar(x, value))
}

// labelsOf checks that labels name one class for each row.
func labelsOf[T Tensor[T]](op string, rows []int, labels T) error {
	if err := labels.Err(); err != nil {
		return err
	}
	shape := labels.Shape()
	if len(rows) != 2 || len(shape) != 1 || shape[0] != rows[0] {
		return Errorf(op, ErrShape, "expected [n, classes] and [n], found %v and %v", rows, shape)
	}
	if labels.DType() != Int64 {
		return Errorf(op, ErrDType, "expected int64 labels, found %v", labels.DType())
	}
	return nil
}

// classes makes negative labels ones that the gather refuses, where it would count from the end.
func classes[T Tensor[T]](labels T, n int) T {
	return labels.Compare(Less, Scalar(labels, 0)).Where(Scalar(labels, float64(n)), labels)
}

// fail returns x with the error, or as it is where it carries one already.
func fail[T Tensor[T]](x T, err error) T {
	if x.Err() != nil {
		return x
	}
	return x.Fail(err)
}
