package attack

import (
	"math"
	"math/rand/v2"

	"visus/eager"
)

// Norm is a distance between images: the p of its p-norm over all elements, 0 for the number of those that differ.
type Norm float64

// The norms of attacks.
var (
	L0   = Norm(0)
	L1   = Norm(1)
	L2   = Norm(2)
	LInf = Norm(math.Inf(1))
)

func (n Norm) String() string {
	return map[Norm]string{L0: "l0", L1: "l1", L2: "l2", LInf: "linf"}[n]
}

// size is the norm of each sample of x, [n].
func size[T eager.Tensor[T]](n Norm, x T) T {
	return eager.Lp(eager.Flatten(x, 1, -1), float64(n), false, 1)
}

// Distance is that between x and y, for each sample.
func Distance[T eager.Tensor[T]](n Norm, x, y T) T { return size(n, eager.Sub(y, x)) }

// Within moves y toward x until their distance is at most epsilon [n]: element by element for LInf, along the line between them otherwise. For
// L0, which that does not change, y becomes x unless it is close enough.
func Within[T eager.Tensor[T]](n Norm, x, y, epsilon T) T {
	moved := eager.Sub(y, x)
	if n == LInf {
		bound := broad(epsilon, x)
		return eager.Add(x, eager.Maximum(eager.Minimum(moved, bound), eager.Neg(bound)))
	}
	if n == L0 {
		near := eager.LessEqual(size(n, moved), epsilon)
		return broad(near, x).Where(y, x)
	}
	return eager.Add(x, shorten(n, moved, epsilon))
}

// shorten scales what is longer than epsilon [n] down to it.
func shorten[T eager.Tensor[T]](n Norm, x, epsilon T) T {
	factor := eager.MinimumScalar(eager.Div(epsilon, eager.MaximumScalar(size(n, x), 1e-12)), 1)
	return eager.Mul(x, broad(factor, x))
}

// unit scales each sample to length 1; signs for LInf.
func unit[T eager.Tensor[T]](n Norm, x T) T {
	if n == LInf {
		return eager.Sign(x)
	}
	return eager.Div(x, broad(eager.MaximumScalar(size(n, x), 1e-12), x))
}

// broad gives one value a sample [n] as many axes as x has.
func broad[T eager.Tensor[T]](each, x T) T {
	shape := make([]int, max(1, len(x.Shape())))
	for i := range shape {
		shape[i] = 1
	}
	if s := each.Shape(); len(s) > 0 {
		shape[0] = s[0]
	}
	return eager.Reshape(each, shape...)
}

// start draws a perturbation of x uniformly from the ball of radius epsilon [n].
func start[T eager.Tensor[T]](n Norm, x, epsilon T, random *rand.Rand) T {
	shape := x.Shape()
	if n == LInf {
		return eager.Mul(eager.Uniform(x, random, -1, 1, shape...), broad(epsilon, x))
	}
	rows, each := shape[0], eager.Size(shape)/max(1, shape[0])
	var ball T
	if n == L1 { // differences of sorted uniforms, with random signs
		sorted, _ := eager.Sort(eager.Uniform(x, random, 0, 1, rows, each), 1)
		before := eager.Pad(eager.Index(sorted, eager.Whole, eager.To(each-1)), 0, [2]int{}, [2]int{1, 0})
		ball = eager.Mul(eager.Sub(sorted, before), eager.Sign(eager.Uniform(x, random, -1, 1, rows, each)))
	} else { // the first n of n+2 coordinates of a point on the sphere (Voelker et al. 2017)
		point := eager.Normal(x, random, 0, 1, rows, each+2)
		ball = eager.Index(eager.Div(point, eager.L2(point, true, 1)), eager.Whole, eager.To(each))
	}
	return eager.Mul(eager.Reshape(ball, shape...), broad(epsilon, x))
}
