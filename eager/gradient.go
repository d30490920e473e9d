package eager

// ValueAndGrad returns f(x), what f returned beside it, and the gradient of the loss, which has one element, with the shape of x.
func ValueAndGrad[T Grad[T]](f func(x T) (loss T, aux []T), x T) (value T, aux []T, gradient T, err error) {
	value, aux, pull, err := x.VJP(func(xs []T) (T, []T) { return f(xs[0]) }, []T{x})
	if err != nil {
		return value, aux, gradient, err
	}
	if shape := value.Shape(); Size(shape) != 1 {
		return value, aux, gradient, Errorf("value_and_grad", ErrNotScalar, "expected a loss of one element, found shape %v", shape)
	}
	gradients, err := pull(value.Full(value.DType(), 1, value.Shape()))
	if err != nil {
		return value, aux, gradient, err
	}
	return value, aux, gradients[0], nil
}

// CustomVJP returns f(xs). Where the engine has gradients, they are what vjp makes of the inputs, the output and its cotangent: one for
// each of xs, of its shape; so a closed form does not go through the engine's own rules. Elsewhere vjp is not used.
func CustomVJP[T Tensor[T]](xs []T, f func(xs []T) T, vjp func(xs []T, y, cotangent T) []T) T {
	if engine, ok := any(xs[0]).(interface {
		CustomVJP(xs []T, f func(xs []T) T, vjp func(xs []T, y, cotangent T) []T) T
	}); ok {
		return engine.CustomVJP(xs, f, vjp)
	}
	return f(xs)
}
