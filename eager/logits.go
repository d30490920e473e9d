package eager

// Softmax returns exp(x) over its sum along the axis. The maximum is subtracted first, so large inputs stay finite.
func Softmax[T Tensor[T]](x T, axis int) T { return LogSoftmax(x, axis).Unary(OpExp) }

// LogSoftmax returns x - log(sum(exp(x))) along the axis.
func LogSoftmax[T Tensor[T]](x T, axis int) T {
	axes, err := resolve("log_softmax", x.Shape(), axis)
	if err != nil {
		return fail(x, err)
	}
	shifted := x.Binary(OpSub, x.Reduce(OpMax, axes, true))
	return shifted.Binary(OpSub, shifted.Unary(OpExp).Reduce(OpSum, axes, true).Unary(OpLog))
}

// CrossEntropy returns logsumexp(logits) - logits[label] a row: logits [n, classes], labels [n] Int64.
func CrossEntropy[T Tensor[T]](logits, labels T) T {
	shape := logits.Shape()
	if err := labelsOf("crossentropy", shape, labels); err != nil {
		return fail(logits, err)
	}
	return Squeeze(TakeAlongAxis(LogSoftmax(logits, 1), ExpandDims(classes(labels, shape[1]), 1), 1), 1).Unary(OpNeg)
}

// KLDivergence returns sum p (log p - log q) along the axis, where p and q are the softmax of the logits along it.
func KLDivergence[T Tensor[T]](p, q T, axis int, keep bool) T {
	logP := LogSoftmax(p, axis)
	terms := logP.Unary(OpExp).Binary(OpMul, logP.Binary(OpSub, LogSoftmax(q, axis)))
	return Reduce(terms, OpSum, keep, axis)
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
	return labels.Compare(OpLess, Scalar(labels, 0)).Where(Scalar(labels, float64(n)), labels)
}

// fail returns x with the error, or as it is where it carries one already.
func fail[T Tensor[T]](x T, err error) T {
	if x.Err() != nil {
		return x
	}
	return x.Fail(err)
}
