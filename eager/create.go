package eager

// Where nothing is there to compute with, like chooses the engine and, where no type is named, the element type.

// Scalar returns a tensor of rank 0 with the type of like.
func Scalar[T Tensor[T]](like T, value float64) T { return like.Full(like.DType(), value, nil) }

// Full returns a tensor with one value everywhere.
func Full[T Tensor[T]](like T, value float64, shape ...int) T {
	return like.Full(like.DType(), value, shape)
}

// Zeros returns zeros.
func Zeros[T Tensor[T]](like T, shape ...int) T { return Full(like, 0, shape...) }

// Ones returns ones.
func Ones[T Tensor[T]](like T, shape ...int) T { return Full(like, 1, shape...) }

// FullLike returns a tensor of the shape and type of x with one value everywhere.
func FullLike[T Tensor[T]](x T, value float64) T { return x.Full(x.DType(), value, x.Shape()) }

// ZerosLike returns zeros of the shape and type of x.
func ZerosLike[T Tensor[T]](x T) T { return FullLike(x, 0) }

// OnesLike returns ones of the shape and type of x.
func OnesLike[T Tensor[T]](x T) T { return FullLike(x, 1) }

// Arange returns the Int64 numbers start, start+step, ... before stop.
func Arange[T Tensor[T]](like T, start, stop, step int) T { return like.Arange(start, stop, step) }

// FromFloats converts values, in C order.
func FromFloats[T Tensor[T]](like T, d DType, values []float64, shape ...int) T {
	return like.FromFlat(d, values, shape)
}

// Cast converts: to integers toward zero, to bool whether it is not zero.
func Cast[T Tensor[T]](x T, to DType) T { return x.Cast(to) }
