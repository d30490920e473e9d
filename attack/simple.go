package attack

import (
	"cmp"
	"context"

	"visus/eager"
	"visus/rescale"
)

// Noise adds random noise of length epsilon.
type Noise[T eager.Eager[T]] struct {
	Metric  Norm // L2 or LInf
	Uniform bool // uniform noise; otherwise Gaussian, for L2 only
	// Exact makes the length epsilon after clipping (package rescale); without it clipping takes 3 to 30 % away.
	Exact bool
	// Repeats is how often noise is drawn for an image that has not reached the goal; 0 means once, whatever the image does without noise.
	Repeats int
}

// Norm is the metric.
func (a Noise[T]) Norm() Norm { return a.Metric }

// Push draws, and of several draws keeps the first success.
func (a Noise[T]) Push(ctx context.Context, t Task[T], epsilon T) T {
	if a.Repeats == 0 {
		return a.add(t, epsilon)
	}
	found := t.Images
	reached := t.Goal.Reached(found, t.Model.Logits(found))
	for range a.Repeats {
		if done, err := truths(reached); err != nil || ctx.Err() != nil || all(done) {
			break
		}
		x := a.add(t, epsilon)
		now := t.Goal.Reached(x, t.Model.Logits(x))
		found = broad(eager.And(now, eager.Not(reached)), x).Where(x, found)
		reached = eager.Or(reached, now)
	}
	return stopped(ctx, found)
}

func (a Noise[T]) add(t Task[T], epsilon T) T {
	x, shape := t.Images, t.Images.Shape()
	low, high := t.Model.Bounds()
	noise := eager.Normal(x, t.Random, 0, 1, shape...)
	if a.Uniform || a.Metric == LInf {
		noise = eager.Uniform(x, t.Random, -1, 1, shape...)
	}
	if a.Exact {
		v, _ := rescale.Perturb(x, noise, epsilon, rescale.Options{P: float64(a.Metric), Low: low, High: high})
		return v
	}
	scale := eager.Div(epsilon, eager.MaximumScalar(size(a.Metric, noise), 1e-12))
	return eager.Clip(eager.Add(x, eager.Mul(noise, broad(scale, x))), low, high)
}

func all(flags []bool) bool {
	for _, f := range flags {
		if !f {
			return false
		}
	}
	return true
}

// stopped is x, or the context's error once it is done.
func stopped[T eager.Tensor[T]](ctx context.Context, x T) T {
	if err := ctx.Err(); err != nil {
		return x.Fail(err)
	}
	return x
}

// Contrast moves images toward a uniform grey, a distance of epsilon in L2.
type Contrast[T eager.Eager[T]] struct {
	Target float64 // the grey, from 0 at the lower bound to 1 at the upper; 0 means 0.5
}

// Norm is L2.
func (Contrast[T]) Norm() Norm { return L2 }

// Push moves.
func (a Contrast[T]) Push(_ context.Context, t Task[T], epsilon T) T {
	low, high := t.Model.Bounds()
	toward := eager.ScalarSub(low+cmp.Or(a.Target, 0.5)*(high-low), t.Images)
	scale := eager.MinimumScalar(eager.Div(epsilon, size(L2, toward)), 1)
	return eager.Clip(eager.Add(t.Images, eager.Mul(toward, broad(scale, t.Images))), low, high)
}

// ContrastSearch looks for the smallest reduction of contrast that reaches the goal, by bisection.
type ContrastSearch[T eager.Eager[T]] struct {
	Metric Norm    // what distances are told in
	Steps  int     // 0 means 15
	Target float64 // as in Contrast
}

// Norm is the metric.
func (a ContrastSearch[T]) Norm() Norm { return a.Metric }

// Search bisects between the image and the grey.
func (a ContrastSearch[T]) Search(_ context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	toward := eager.ScalarSub(low+cmp.Or(a.Target, 0.5)*(high-low), t.Images)
	return bisect(t, cmp.Or(a.Steps, 15), func(share T) T {
		return eager.Add(t.Images, eager.Mul(toward, broad(share, t.Images)))
	})
}

// bisect looks, for each image, for the smallest share in [0, 1] at which what along gives reaches the goal; 1 where none is found.
func bisect[T eager.Eager[T]](t Task[T], steps int, along func(share T) T) T {
	n := t.Images.Shape()[0]
	below, above := eager.Zeros(t.Images, n), eager.Ones(t.Images, n)
	share := below
	for range steps {
		x := along(share)
		reached := t.Goal.Reached(x, t.Model.Logits(x))
		below, above = reached.Where(below, share), reached.Where(share, above)
		share = eager.DivScalar(eager.Add(below, above), 2)
	}
	return along(above)
}

// Inversion returns the negative of each image (Hosseini et al. 2017).
type Inversion[T eager.Eager[T]] struct{ Metric Norm }

// Norm is the metric that distances are told in.
func (a Inversion[T]) Norm() Norm { return a.Metric }

// Search inverts.
func (Inversion[T]) Search(_ context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	return eager.ScalarSub(low+high, t.Images)
}
