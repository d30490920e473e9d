package eager

import "math/rand/v2"

// Random numbers are drawn on the host from the generator given, so all engines get the same ones. The tensor only chooses engine and
// type. A traced function keeps the numbers of its trace: random tensors that are to change are its arguments.

// Uniform draws from [low, high).
func Uniform[T Tensor[T]](like T, random *rand.Rand, low, high float64, shape ...int) T {
	return draw(like, shape, func() float64 { return low + (high-low)*random.Float64() })
}

// Normal draws from the normal distribution.
func Normal[T Tensor[T]](like T, random *rand.Rand, mean, deviation float64, shape ...int) T {
	return draw(like, shape, func() float64 { return mean + deviation*random.NormFloat64() })
}

func draw[T Tensor[T]](like T, shape []int, next func() float64) T {
	if like.Err() == nil && !like.DType().Float() {
		return like.Fail(Errorf("random", ErrDType, "expected floats, found %v", like.DType()))
	}
	if err := CheckShape("random", shape, -1); err != nil {
		return fail(like, err)
	}
	values := make([]float64, Size(shape))
	for i := range values {
		values[i] = next()
	}
	return like.FromFlat(like.DType(), values, shape)
}
