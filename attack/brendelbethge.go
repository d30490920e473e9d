package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// BrendelBethge walks along the boundary with its gradient: each step is the point of a trust region that, on the boundary as it is
// linearised, lies nearest to the image (Brendel, Rauber, Kümmerer, Ustyuzhaninov & Bethge 2019).
type BrendelBethge[T eager.Eager[T]] struct {
	Metric    Norm    // L1, L2 or LInf
	Steps     int     // 0 means 1,000
	Rate      float64 // the radius of the trust region, by the square root of the number of elements; 0 means 1/Steps
	Decay     float64 // of the rate, after each twentieth of the steps; 0 means 0.5
	Overshoot float64 // how far beyond the boundary a step aims; 0 means 1.1
	Momentum  float64 // of the boundary's normal; 0 means 0.8
	Begin     *T      // images that reach the goal; nil: BlendedNoise finds some
}

// Norm is the metric.
func (a BrendelBethge[T]) Norm() Norm { return a.Metric }

// Search walks and keeps the nearest success.
func (a BrendelBethge[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	start, broken := beginning(ctx, t, a.Begin)
	moved := eager.Sub(start, t.Images)
	x := bisect(t, 10, func(share T) T { return eager.Add(t.Images, eager.Mul(moved, broad(share, start))) })
	best := closest[T]{eager.Sub(start, t.Images), Distance(a.Metric, t.Images, start), broken}
	var normal T
	steps, shape := cmp.Or(a.Steps, 1000), x.Shape()
	rate := cmp.Or(a.Rate, 1/float64(steps))
	for step := range steps {
		if ctx.Err() != nil {
			break
		}
		if step > 0 && step%max(steps/20, 1) == 0 {
			rate *= cmp.Or(a.Decay, 0.5)
		}
		logits, gradient := t.Model.Gradient(Margin, x, classes)
		gradient = eager.MulScalar(gradient, sign)
		best.keep(eager.Sub(x, t.Images), Distance(a.Metric, t.Images, x), t.Goal.Reached(x, logits))
		momentum := cmp.Or(a.Momentum, 0.8)
		if step == 0 {
			normal = gradient
		} else {
			normal = eager.Add(eager.MulScalar(normal, momentum), eager.MulScalar(gradient, 1-momentum))
		}
		margin := eager.MulScalar(Of(Margin, logits, []T{classes}), sign)
		inside := eager.LessScalar(margin, 0)
		over := cmp.Or(a.Overshoot, 1.1)
		aimed := eager.Mul(margin, inside.Where(eager.FullLike(margin, 2-over), eager.FullLike(margin, over)))
		if x = a.step(t, x, normal, eager.Neg(aimed), rate*math.Sqrt(float64(eager.Size(shape[1:])))); x.Err() != nil {
			return x
		}
	}
	return stopped(ctx, eager.Add(t.Images, best.delta))
}

// step moves each image by the solution of its own problem.
func (a BrendelBethge[T]) step(t Task[T], x, normal, change T, radius float64) T {
	low, high := t.Model.Bounds()
	var lists [4][]float64
	for i, part := range []T{t.Images, x, normal, change} {
		v, err := part.Floats()
		if err != nil {
			return x.Fail(err)
		}
		lists[i] = v
	}
	each := len(lists[1]) / len(lists[3])
	for i, c := range lists[3] {
		rows := func(list []float64) []float64 { return list[i*each : (i+1)*each] }
		p := region{origin: rows(lists[0]), x: rows(lists[1]), normal: rows(lists[2]), change: c, radius: radius, low: low, high: high}
		for k, d := range p.solve(a.Metric) {
			p.x[k] = min(max(p.x[k]+d, low), high)
		}
	}
	return eager.FromFloats(x, x.DType(), lists[1], x.Shape()...)
}

// region is the problem of one image: of the steps δ of at most radius that stay within bounds and change the margin by normal·δ = change,
// the one that leads nearest to the origin.
type region struct {
	origin, x, normal []float64
	change            float64
	radius, low, high float64
}

// solve returns the step: where the boundary is out of reach, the largest toward it.
func (p region) solve(n Norm) []float64 {
	nearest := p.straight(math.Inf(1))
	if length(nearest) >= p.radius { // no point of the boundary lies within: as far toward it as allowed
		factor := p.radius / length(nearest)
		for i := range nearest {
			nearest[i] *= factor
		}
		return nearest
	}
	if n == LInf {
		return p.bounded(nearest)
	}
	// Lagrange's multipliers: l makes the boundary, m the radius. A larger m shortens the step.
	low, high := 0.0, 1.0
	with := func(m float64) []float64 {
		return p.onBoundary(func(i int, l float64) float64 { return p.pull(n, i, l, m) }, math.Inf(1))
	}
	for length(with(high)) > p.radius && high < 1e12 {
		low, high = high, high*4
	}
	step := with(high)
	for range 40 {
		middle := (low + high) / 2
		if s := with(middle); length(s) > p.radius {
			low = middle
		} else {
			high, step = middle, s
		}
	}
	return step
}

// pull is the change of one element that is best for given multipliers, without bounds.
func (p region) pull(n Norm, i int, l, m float64) float64 {
	goal := p.origin[i] - p.x[i]
	if n == L2 { // of (goal-δ)² - 2 l b δ + m δ²
		return (goal + l*p.normal[i]) / (1 + m)
	}
	// of |goal-δ| - l b δ + m δ²/2: to the goal, unless its slope of 1 is not worth it.
	m = max(m, 1e-12)
	if toward := (l*p.normal[i] + 1) / m; toward < goal {
		return toward
	}
	if back := (l*p.normal[i] - 1) / m; back > goal {
		return back
	}
	return goal
}

// onBoundary finds the multiplier l for which the elements of step(·, l), cut to the bounds of x and to a cube around the origin, change the
// margin as asked: that change rises with l.
func (p region) onBoundary(step func(i int, l float64) float64, half float64) []float64 {
	out := make([]float64, len(p.x))
	at := func(l float64) (sum float64) {
		for i := range out {
			least, most := max(p.low, p.origin[i]-half)-p.x[i], min(p.high, p.origin[i]+half)-p.x[i]
			out[i] = min(max(step(i, l), least), most)
			sum += p.normal[i] * out[i]
		}
		return sum
	}
	below, above := -1.0, 1.0
	for at(below) > p.change && below > -1e15 {
		below *= 8
	}
	for at(above) < p.change && above < 1e15 {
		above *= 8
	}
	for range 60 {
		if middle := (below + above) / 2; at(middle) < p.change {
			below = middle
		} else {
			above = middle
		}
	}
	at((below + above) / 2)
	return out
}

// straight is the shortest step to the boundary.
func (p region) straight(half float64) []float64 {
	return p.onBoundary(func(i int, l float64) float64 { return l * p.normal[i] }, half)
}

// bounded is LInf: the smallest cube around the origin within which a step of the radius reaches the boundary, by bisection.
func (p region) bounded(step []float64) []float64 {
	low, high := 0.0, 0.0
	for i := range p.x {
		high = max(high, math.Abs(p.x[i]+step[i]-p.origin[i]))
	}
	for range 30 {
		middle := (low + high) / 2
		s := p.straight(middle)
		reached := 0.0
		for i := range s {
			reached += p.normal[i] * s[i]
		}
		if math.Abs(reached-p.change) <= 1e-3*math.Abs(p.change)+1e-12 && length(s) <= p.radius {
			high, step = middle, s
		} else {
			low = middle
		}
	}
	return step
}

func length(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum)
}
