package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// anneal falls from high to low along half a cosine.
func anneal(high, low float64, step, steps int) float64 {
	return low + (high-low)*(1+math.Cos(math.Pi*float64(step)/float64(steps)))/2
}

// closest keeps, for each image, the shortest perturbation that reached the goal; none at first.
type closest[T eager.Eager[T]] struct {
	delta, norm T
	found       T
}

// farthest begins with the norm of the farthest corner of the domain.
func farthest[T eager.Eager[T]](n Norm, t Task[T]) closest[T] {
	low, high := t.Model.Bounds()
	corner := eager.Maximum(eager.SubScalar(t.Images, low), eager.ScalarSub(high, t.Images))
	if n == L0 {
		corner = eager.OnesLike(corner)
	}
	return closest[T]{eager.ZerosLike(t.Images), size(n, corner), eager.Full(t.Images, 0, t.Images.Shape()[0]).Cast(eager.Bool)}
}

func (c *closest[T]) keep(delta, norm, reached T) {
	better := eager.And(reached, eager.LessEqual(norm, c.norm))
	c.found = eager.Or(c.found, reached)
	c.norm, c.delta = better.Where(norm, c.norm), broad(better, delta).Where(delta, c.delta)
}

// DDN walks along the gradient with a length of its own, which shrinks inside the region of success and grows outside (Rony et al. 2019).
type DDN[T eager.Eager[T]] struct {
	Epsilon float64 // the first length; 0 means 1
	Steps   int     // 0 means 100
	Gamma   float64 // how much it shrinks and grows; 0 means 0.05
	Exact   bool    // the length holds after clipping (package rescale)
}

// Norm is L2.
func (DDN[T]) Norm() Norm { return L2 }

// Search keeps the shortest success.
func (a DDN[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	low, high := t.Model.Bounds()
	x, steps, gamma := t.Images, cmp.Or(a.Steps, 100), cmp.Or(a.Gamma, 0.05)
	delta, best := eager.ZerosLike(x), farthest(L2, t)
	worst, epsilon := best.norm, eager.Full(x, cmp.Or(a.Epsilon, 1), x.Shape()[0])
	for i := range steps {
		if ctx.Err() != nil {
			break
		}
		logits, gradient := t.Model.Gradient(CrossEntropy, eager.Add(x, delta), classes)
		reached := t.Goal.Reached(eager.Add(x, delta), logits)
		best.keep(delta, size(L2, delta), reached)
		flat := broad(eager.EqualScalar(size(L2, gradient), 0), x) // without a slope, any direction
		move := unit(L2, flat.Where(eager.Normal(x, t.Random, 0, 1, x.Shape()...), gradient))
		delta = eager.Add(delta, eager.MulScalar(move, sign*anneal(1, 0.01, i, steps)))
		epsilon = eager.Mul(epsilon, reached.Where(eager.Scalar(x, 1-gamma), eager.Scalar(x, 1+gamma)))
		epsilon = eager.Minimum(epsilon, worst)
		delta = a.within(t, eager.Mul(delta, broad(eager.Div(epsilon, eager.MaximumScalar(size(L2, delta), 1e-12)), x)), epsilon, low, high)
	}
	return stopped(ctx, eager.Add(x, best.delta))
}

func (a DDN[T]) within(t Task[T], delta, epsilon T, low, high float64) T {
	if a.Exact {
		return eager.Sub(exactly(L2, t.Images, delta, epsilon, low, high), t.Images)
	}
	return eager.Sub(eager.Clip(eager.Add(t.Images, delta), low, high), t.Images)
}

// FastMinimumNorm estimates the distance to the boundary from margin and gradient and adapts its epsilon to it (Pintor et al. 2021).
type FastMinimumNorm[T eager.Eager[T]] struct {
	Metric   Norm    // L0, L1, L2 or LInf
	Steps    int     // 0 means 100
	StepSize float64 // the first length of a step; the last is a hundredth of it. 0 means 1
	Gamma    float64 // how fast epsilon adapts; 0 means 0.05
	// Begin, where given, has images that reach the goal: the search begins at the boundary between them and the images.
	Begin *T

	unprojected bool // as in foolbox 3.3.4, whose L2 projection divides a norm by itself; for comparisons in tests
}

// Norm is the metric.
func (a FastMinimumNorm[T]) Norm() Norm { return a.Metric }

// Search keeps the shortest success.
func (a FastMinimumNorm[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	low, high := t.Model.Bounds()
	x, steps, most := t.Images, cmp.Or(a.Steps, 100), cmp.Or(a.StepSize, 1)
	delta, best := a.begin(t, low, high), farthest(a.Metric, t)
	best.delta = delta
	worst, epsilon := best.norm, eager.Full(x, math.Inf(1), x.Shape()[0])
	if a.Metric == L0 {
		epsilon = eager.MaximumScalar(size(L0, delta), 1)
	}
	for i := range steps {
		if ctx.Err() != nil {
			break
		}
		gamma := anneal(cmp.Or(a.Gamma, 0.05), 0.001, i, steps)
		logits, gradient := t.Model.Gradient(Margin, eager.Add(x, delta), classes)
		gradient = eager.MulScalar(gradient, -sign)
		reached := t.Goal.Reached(eager.Add(x, delta), logits)
		norm := size(a.Metric, delta)
		best.keep(delta, norm, reached)
		epsilon = eager.Minimum(a.adapt(best, epsilon, norm, reached, eager.Abs(Of(Margin, logits, []T{classes})), gradient, gamma), worst)
		delta = eager.Add(delta, eager.MulScalar(unit(L2, gradient), anneal(most, most/100, i, steps)))
		delta = eager.Sub(eager.Clip(eager.Add(x, a.project(delta, epsilon)), low, high), x)
	}
	return stopped(ctx, eager.Add(x, best.delta))
}

// adapt shrinks epsilon below the closest success, grows it where success is lost, and sets it to the boundary's distance before the first.
func (a FastMinimumNorm[T]) adapt(best closest[T], epsilon, norm, reached, margin, gradient T, gamma float64) T {
	if a.Metric == L0 {
		whole := func(by float64) T { return eager.Floor(eager.MulScalar(epsilon, by)) }
		smaller := eager.Minimum(eager.Minimum(eager.SubScalar(epsilon, 1), whole(1-gamma)), size(L0, best.delta))
		return eager.MaximumScalar(reached.Where(smaller, eager.Maximum(eager.AddScalar(epsilon, 1), whole(1+gamma))), 1)
	}
	dual := map[Norm]Norm{L1: LInf, L2: L2, LInf: L1}[a.Metric]
	far := eager.Add(norm, eager.Div(margin, eager.MaximumScalar(size(dual, gradient), 1e-12)))
	smaller := eager.Minimum(eager.MulScalar(epsilon, 1-gamma), size(a.Metric, best.delta))
	return reached.Where(smaller, best.found.Where(eager.MulScalar(epsilon, 1+gamma), far))
}

// project brings the perturbation into the ball, as close as can be.
func (a FastMinimumNorm[T]) project(delta, epsilon T) T {
	switch a.Metric {
	case L0:
		return largestOnly(delta, epsilon)
	case L1:
		return ontoL1(delta, epsilon)
	case LInf:
		bound := broad(epsilon, delta)
		return eager.Maximum(eager.Minimum(delta, bound), eager.Neg(bound))
	}
	if a.unprojected {
		return delta
	}
	return shorten(L2, delta, epsilon)
}

// largestOnly keeps the count [n] of elements that are largest.
func largestOnly[T eager.Tensor[T]](x, count T) T {
	flat := eager.Flatten(x, 1, -1)
	_, order := eager.TopK(eager.Abs(flat), flat.Shape()[1])
	rank := eager.ArgSort(order, 1)
	keep := eager.Less(rank.Cast(x.DType()), eager.ExpandDims(count, 1))
	return eager.Reshape(keep.Where(flat, eager.Scalar(x, 0)), x.Shape()...)
}

// begin is no perturbation, or the one at the boundary before Begin, found in ten bisections.
func (a FastMinimumNorm[T]) begin(t Task[T], low, high float64) T {
	if a.Begin == nil {
		return eager.ZerosLike(t.Images)
	}
	moved := eager.Sub(*a.Begin, t.Images)
	there := bisect(t, 10, func(share T) T { return eager.Add(t.Images, between(a.Metric, moved, share, high-low)) })
	return eager.Sub(there, t.Images)
}

// between is a part of a perturbation, from nothing at share 0 to all of it at 1: its largest elements first for L0, what exceeds a threshold
// for L1, what a bound leaves for LInf, and a part of its length for L2.
func between[T eager.Tensor[T]](n Norm, moved, share T, span float64) T {
	each := broad(share, moved)
	switch n {
	case L0:
		return largestOnly(moved, eager.MulScalar(share, float64(eager.Size(moved.Shape())/max(1, moved.Shape()[0]))))
	case L1:
		over := eager.Sub(eager.Abs(moved), eager.MulScalar(eager.ScalarSub(1, each), span))
		return eager.Mul(eager.Sign(moved), eager.MaximumScalar(over, 0))
	case LInf:
		bound := eager.MulScalar(each, span)
		return eager.Maximum(eager.Minimum(moved, bound), eager.Neg(bound))
	}
	return eager.Mul(moved, each)
}
