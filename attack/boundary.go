package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// beginning is where an attack along the boundary starts: images that reach the goal, given or found by BlendedNoise. What does not reach it
// stays out.
func beginning[T eager.Eager[T]](ctx context.Context, t Task[T], given *T) (x, broken T) {
	if given != nil {
		x = *given
	} else {
		x = BlendedNoise[T]{Metric: L2, Steps: 50}.Search(ctx, t, 0)
	}
	broken = t.Goal.Reached(x, t.Model.Logits(x))
	return broad(broken, x).Where(x, t.Images), broken
}

// Boundary walks along the boundary of success at random, and toward the image where it can (Brendel, Rauber & Bethge 2018).
type Boundary[T eager.Eager[T]] struct {
	Steps     int     // 0 means 25,000
	Spherical float64 // the first step at a constant distance, by the distance; 0 means 0.01
	Source    float64 // the first step toward the image; 0 means 0.01
	Converged float64 // a walk ends when its steps toward the image are below; 0 means 1e-7
	Adapt     float64 // how much steps grow and shrink; 0 means 1.5
	Begin     *T      // images that reach the goal; nil: BlendedNoise finds some
}

// Norm is L2.
func (Boundary[T]) Norm() Norm { return L2 }

// Search walks.
func (a Boundary[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	best, _ := beginning(ctx, t, a.Begin)
	n := t.Images.Shape()[0]
	spherical, source := eager.Full(t.Images, cmp.Or(a.Spherical, 1e-2), n), eager.Full(t.Images, cmp.Or(a.Source, 1e-2), n)
	sphere, steps := newShare(n, 100), newShare(n, 30)
	for step := 1; step <= cmp.Or(a.Steps, 25_000); step++ {
		running := eager.GreaterEqualScalar(source, cmp.Or(a.Converged, 1e-7))
		if flags, err := truths(eager.Not(running)); err != nil || all(flags) || ctx.Err() != nil {
			break
		}
		away := eager.Sub(t.Images, best)
		distance := eager.MaximumScalar(size(L2, away), 1e-12)
		around, toward := a.propose(t, away, distance, spherical, source)
		reached := t.Goal.Reached(toward, t.Model.Logits(toward))
		closer := eager.And(eager.And(reached, running), eager.Less(Distance(L2, t.Images, toward), distance))
		best = broad(closer, best).Where(toward, best)
		if step%10 != 0 { // statistics are taken now and then
			continue
		}
		onSphere, err := truths(t.Goal.Reached(around, t.Model.Logits(around)))
		if err != nil {
			return t.Images.Fail(err)
		}
		moved, err := truths(reached)
		if err != nil {
			return t.Images.Fail(err)
		}
		factor := sphere.adapt(onSphere, 0.2, 0.5, cmp.Or(a.Adapt, 1.5))
		spherical, source = scale(spherical, factor), scale(source, factor)
		source = scale(source, steps.adapt(moved, 0.1, 0.25, cmp.Or(a.Adapt, 1.5)))
	}
	return stopped(ctx, best)
}

// propose draws a step on the sphere around each image, and the same with a step toward the image.
func (a Boundary[T]) propose(t Task[T], away, distance, spherical, source T) (around, toward T) {
	low, high := t.Model.Bounds()
	direction := eager.Div(away, broad(distance, away))
	noise := eager.Normal(away, t.Random, 0, 1, append([]int{1}, away.Shape()[1:]...)...).BroadcastTo(away.Shape())
	along := eager.Sum(eager.Flatten(eager.Mul(noise, direction), 1, -1), false, 1)
	noise = eager.Sub(noise, eager.Mul(direction, broad(along, away)))
	noise = eager.Mul(unit(L2, noise), broad(eager.Mul(spherical, distance), away))
	radius := broad(eager.Sqrt(eager.AddScalar(eager.Square(spherical), 1)), away)
	around = eager.Clip(eager.Add(t.Images, eager.Div(eager.Sub(noise, away), radius)), low, high)
	back := eager.Sub(t.Images, around)
	length := eager.MaximumScalar(size(L2, back), 1e-12)
	step := eager.MaximumScalar(eager.Sub(eager.Add(eager.Mul(source, distance), length), distance), 0)
	toward = eager.Clip(eager.Add(around, eager.Mul(back, broad(eager.Div(step, length), away))), low, high)
	return around, toward
}

func scale[T eager.Tensor[T]](x T, factors []float64) T {
	return eager.Mul(x, eager.FromFloats(x, x.DType(), factors, len(factors)))
}

// share keeps the last successes of each image.
type share struct {
	last  [][]bool
	count int
}

func newShare(images, count int) *share { return &share{make([][]bool, images), count} }

// adapt adds a success or failure for each image and returns a factor for its step: larger where more than most of the last were successes,
// smaller where fewer than least were, after which it forgets them.
func (s *share) adapt(success []bool, least, most, factor float64) []float64 {
	out := make([]float64, len(success))
	for i, ok := range success {
		out[i] = 1
		s.last[i] = append(s.last[i], ok)
		if len(s.last[i]) < s.count {
			continue
		}
		right := 0.0
		for _, v := range s.last[i] {
			if v {
				right++
			}
		}
		switch mean := right / float64(s.count); {
		case mean > most:
			out[i], s.last[i] = factor, nil
		case mean < least:
			out[i], s.last[i] = 1/factor, nil
		default:
			s.last[i] = s.last[i][1:]
		}
	}
	return out
}

// HopSkipJump estimates the boundary's normal from answers alone, steps along it and returns to the boundary (Chen, Jordan & Wainwright 2020).
type HopSkipJump[T eager.Eager[T]] struct {
	Metric Norm // L2 or LInf
	Steps  int  // 0 means 64
	First  int  // answers for the first estimate, growing with the root of the step; 0 means 100
	Most   int  // answers for an estimate; 0 means 10,000
	Begin  *T   // images that reach the goal; nil: BlendedNoise finds some
}

// Norm is the metric.
func (a HopSkipJump[T]) Norm() Norm { return a.Metric }

// Search hops.
func (a HopSkipJump[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	x, broken := beginning(ctx, t, a.Begin)
	x = a.boundary(t, x)
	elements := float64(eager.Size(x.Shape()) / x.Shape()[0])
	for step := range cmp.Or(a.Steps, 64) {
		if ctx.Err() != nil {
			break
		}
		distance := Distance(a.Metric, t.Images, x)
		radius := eager.Full(distance, 0.1*(high-low), x.Shape()[0])
		if step > 0 { // √d θ for L2 and d θ for LInf, with θ = 1/(d √d) and 1/d²
			radius = eager.DivScalar(distance, elements)
		}
		answers := int(min(float64(cmp.Or(a.First, 100))*math.Sqrt(float64(step+1)), float64(cmp.Or(a.Most, 10_000))))
		normal := a.normal(ctx, t, x, radius, answers)
		if a.Metric == LInf {
			normal = eager.Sign(normal)
		}
		hop := eager.DivScalar(distance, math.Sqrt(float64(step+1)))
		landed := x
		for range 30 { // halved until it lands where the goal is reached
			next := eager.Clip(eager.Add(x, eager.Mul(normal, broad(hop, x))), low, high)
			reached := eager.Or(t.Goal.Reached(next, t.Model.Logits(next)), eager.Not(broken))
			landed = broad(reached, x).Where(next, x)
			if flags, err := truths(reached); err != nil || all(flags) {
				break
			}
			hop = reached.Where(hop, eager.DivScalar(hop, 2))
		}
		back := a.boundary(t, landed)
		nearer := eager.And(broken, eager.Less(Distance(a.Metric, t.Images, back), distance))
		x = broad(nearer, x).Where(back, x)
	}
	return stopped(ctx, broad(broken, x).Where(x, t.Images))
}

// boundary is the point between the image and x where success begins.
func (a HopSkipJump[T]) boundary(t Task[T], x T) T {
	moved := eager.Sub(x, t.Images)
	far := size(LInf, moved)
	return bisect(t, 25, func(share T) T {
		if a.Metric == LInf {
			return Within(LInf, t.Images, x, eager.Mul(share, far))
		}
		return eager.Add(t.Images, eager.Mul(moved, broad(share, x)))
	})
}

// normal is the mean of random directions, weighted by whether a step along them reaches the goal, less the mean weight.
func (a HopSkipJump[T]) normal(ctx context.Context, t Task[T], x, radius T, count int) T {
	low, high := t.Model.Bounds()
	sum, directions, weight := eager.ZerosLike(x), eager.ZerosLike(x), eager.Zeros(x, x.Shape()[0])
	for range count {
		if ctx.Err() != nil {
			break
		}
		var direction T
		if a.Metric == LInf {
			direction = eager.Uniform(x, t.Random, -1, 1, x.Shape()...)
		} else {
			direction = eager.Normal(x, t.Random, 0, 1, x.Shape()...)
		}
		near := eager.Clip(eager.Add(x, eager.Mul(unit(L2, direction), broad(radius, x))), low, high)
		direction = eager.Div(eager.Sub(near, x), broad(eager.AddScalar(radius, 1e-8), x))
		side := eager.SubScalar(eager.MulScalar(t.Goal.Reached(near, t.Model.Logits(near)).Cast(x.DType()), 2), 1)
		sum = eager.Add(sum, eager.Mul(direction, broad(side, x)))
		directions, weight = eager.Add(directions, direction), eager.Add(weight, side)
	}
	mean := eager.DivScalar(weight, float64(count))
	mean = eager.EqualScalar(eager.Abs(mean), 1).Where(eager.ZerosLike(mean), mean) // all on one side: their own mean
	return unit(L2, eager.Sub(sum, eager.Mul(directions, broad(mean, x))))
}
