package nn

import (
	"math"
	"math/rand/v2"
)

// Initialiser fills a new parameter of the given shape. Shapes are PyTorch's: [out, in, ...] of linear layers and convolutions,
// [in, out, ...] of transposed ones.
type Initialiser func(r *rand.Rand, values []float32, shape []int)

// Constant fills with one value.
func Constant(value float64) Initialiser {
	return func(_ *rand.Rand, values []float32, _ []int) {
		for i := range values {
			values[i] = float32(value)
		}
	}
}

// Uniform draws from U(-bound, bound).
func Uniform(bound float64) Initialiser {
	return func(r *rand.Rand, values []float32, _ []int) {
		for i := range values {
			values[i] = float32((2*r.Float64() - 1) * bound)
		}
	}
}

// Normal draws from N(0, sd²).
func Normal(sd float64) Initialiser {
	return func(r *rand.Rand, values []float32, _ []int) {
		for i := range values {
			values[i] = float32(r.NormFloat64() * sd)
		}
	}
}

// KaimingUniform draws from U(-b, b) with b = √(6 / ((1 + a²) · fan_in)). a = √5, b = 1/√fan_in, is the default of PyTorch's linear
// layers and convolutions; a = 0 is He's initialisation for ReLU (He et al. 2015, eq. 10), uniform.
func KaimingUniform(a float64) Initialiser {
	return fanned(func(in, _ float64) Initialiser { return Uniform(math.Sqrt(6 / ((1 + a*a) * in))) })
}

// He draws from N(0, 2/fan_in): the variance of activations stays through linear layers with ReLU (He et al. 2015, eq. 10).
func He() Initialiser {
	return fanned(func(in, _ float64) Initialiser { return Normal(math.Sqrt(2 / in)) })
}

// HeOut draws from N(0, 2/fan_out): the variance of gradients stays (He et al. 2015, eq. 14). torchvision's residual networks use it.
func HeOut() Initialiser {
	return fanned(func(_, out float64) Initialiser { return Normal(math.Sqrt(2 / out)) })
}

// XavierUniform draws from U(-b, b) with b = √(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).
func XavierUniform() Initialiser {
	return fanned(func(in, out float64) Initialiser { return Uniform(math.Sqrt(6 / (in + out))) })
}

// XavierNormal draws from N(0, 2 / (fan_in + fan_out)).
func XavierNormal() Initialiser {
	return fanned(func(in, out float64) Initialiser { return Normal(math.Sqrt(2 / (in + out))) })
}

// fanned makes an initialiser of one that depends on fan_in = shape[1] · receptive field and fan_out = shape[0] · receptive field, as
// PyTorch counts them, for transposed convolutions too.
func fanned(of func(in, out float64) Initialiser) Initialiser {
	return func(r *rand.Rand, values []float32, shape []int) {
		in, out := fans(shape)
		of(in, out)(r, values, shape)
	}
}

func fans(shape []int) (in, out float64) {
	if len(shape) < 2 {
		n := 1
		for _, size := range shape {
			n *= size
		}
		return float64(n), float64(n)
	}
	field := 1
	for _, size := range shape[2:] {
		field *= size
	}
	return float64(shape[1] * field), float64(shape[0] * field)
}

// Orthogonal draws a matrix [shape[0], rest] with orthonormal rows, or columns where there are fewer of them, times gain: the orthogonal
// factor of a normal matrix, evenly distributed (Saxe et al. 2014).
func Orthogonal(gain float64) Initialiser {
	return func(r *rand.Rand, values []float32, shape []int) {
		if len(shape) == 0 || len(values) == 0 {
			return
		}
		rows, columns := shape[0], len(values)/shape[0]
		for k, vector := range orthonormal(r, min(rows, columns), max(rows, columns)) {
			for i, v := range vector {
				at := k*columns + i
				if rows > columns {
					at = i*columns + k
				}
				values[at] = float32(gain * v)
			}
		}
	}
}

// orthonormal draws count ≤ length vectors by Gram and Schmidt, each made orthogonal twice, after which rounding is all that is left.
func orthonormal(r *rand.Rand, count, length int) [][]float64 {
	out := make([][]float64, count)
	for k := range out {
		v := make([]float64, length)
		for i := range v {
			v[i] = r.NormFloat64()
		}
		for range 2 {
			for _, u := range out[:k] {
				along := dot(u, v)
				for i := range v {
					v[i] -= along * u[i]
				}
			}
		}
		norm := math.Sqrt(dot(v, v))
		for i := range v {
			v[i] /= norm
		}
		out[k] = v
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// pytorch is the default of PyTorch's linear layers and convolutions.
func pytorch() Initialiser { return KaimingUniform(math.Sqrt(5)) }

// or is the initialiser itself, the other where it is nil.
func (draw Initialiser) or(other Initialiser) Initialiser {
	if draw == nil {
		return other
	}
	return draw
}
