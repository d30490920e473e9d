package attack

import (
	"cmp"
	"context"
	"math"
	"sort"

	"visus/eager"
)

// SparseDescent follows the signs of the largest gradients only, in L1 (Tramèr & Boneh 2019).
type SparseDescent[T eager.Eager[T]] struct {
	Quantile float64 // gradients below are left out; 0 means 0.99
	Relative float64 // the length of a step, by epsilon; 0 means 0.2
	Steps    int     // 0 means 10
	Start    bool    // begin at a random point of the ball

	project func(x, epsilon T) T // ontoL1; foolbox's own in tests
}

// Norm is L1.
func (SparseDescent[T]) Norm() Norm { return L1 }

// Push climbs the loss of the labels, or descends that of targets.
func (a SparseDescent[T]) Push(ctx context.Context, t Task[T], epsilon T) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	low, high := t.Model.Bounds()
	x := t.Images
	if a.Start {
		x = eager.Clip(eager.Add(x, start(L1, x, epsilon, t.Random)), low, high)
	}
	length := broad(eager.MulScalar(epsilon, sign*cmp.Or(a.Relative, 0.2)), x)
	project := a.project
	if project == nil {
		project = ontoL1[T]
	}
	for range cmp.Or(a.Steps, 10) {
		if ctx.Err() != nil {
			return t.Images.Fail(ctx.Err())
		}
		_, gradient := t.Model.Gradient(CrossEntropy, x, classes)
		x = eager.Add(x, eager.Mul(a.direction(x, gradient, low, high), length))
		x = eager.Clip(eager.Add(t.Images, project(eager.Sub(x, t.Images), epsilon)), low, high)
	}
	return x
}

// direction keeps signs at or above the quantile, of gradients that do not point out of the box, with a length of 1.
func (a SparseDescent[T]) direction(x, gradient T, low, high float64) T {
	out := eager.Or(eager.And(eager.EqualScalar(x, low), eager.LessScalar(gradient, 0)),
		eager.And(eager.EqualScalar(x, high), eager.GreaterScalar(gradient, 0)))
	gradient = out.Where(eager.Scalar(x, 0), gradient)
	size := eager.Abs(gradient)
	bound, err := quantiles(eager.Flatten(size, 1, -1), cmp.Or(a.Quantile, 0.99))
	if err != nil {
		return x.Fail(err)
	}
	keep := eager.GreaterEqual(size, broad(eager.FromFloats(x, x.DType(), bound, len(bound)), x))
	return unit(L1, keep.Where(eager.Sign(gradient), eager.Scalar(x, 0)))
}

// quantiles of the rows of x [n, elements], interpolated linearly as NumPy does.
func quantiles[T eager.Eager[T]](x T, q float64) ([]float64, error) {
	values, err := x.Floats()
	if err != nil {
		return nil, err
	}
	each := x.Shape()[1]
	var out []float64
	for start := 0; start < len(values); start += each {
		row := values[start : start+each]
		sort.Float64s(row)
		at := q * float64(each-1)
		below := int(math.Floor(at))
		above := min(below+1, each-1)
		out = append(out, row[below]+(at-float64(below))*(row[above]-row[below]))
	}
	return out, nil
}

// ontoL1 projects onto the L1 ball of radius epsilon [n], as close as can be (Duchi et al. 2008).
func ontoL1[T eager.Tensor[T]](x, epsilon T) T {
	flat := eager.Flatten(x, 1, -1)
	sizes := eager.Abs(flat)
	n := flat.Shape()[1]
	falling, _ := eager.TopK(sizes, n)
	sums := eager.CumSum(falling, 1)
	radius := eager.ExpandDims(epsilon, 1)
	count := eager.Cast(eager.Arange(x, 1, n+1, 1), x.DType())
	// The largest count of elements that stay above the threshold; it holds for all smaller ones.
	stays := eager.Greater(eager.Mul(falling, count), eager.Sub(sums, radius))
	rho := eager.MaximumScalar(eager.Sum(stays.Cast(eager.Int64), false, 1), 1)
	total := eager.Squeeze(eager.TakeAlongAxis(sums, eager.ExpandDims(eager.SubScalar(rho, 1), 1), 1), 1)
	threshold := eager.Div(eager.Sub(total, epsilon), rho.Cast(x.DType()))
	shrunk := eager.Mul(eager.Sign(flat), eager.MaximumScalar(eager.Sub(sizes, eager.ExpandDims(threshold, 1)), 0))
	inside := eager.LessEqual(eager.Sum(sizes, true, 1), radius)
	return eager.Reshape(inside.Where(flat, shrunk), x.Shape()...)
}
