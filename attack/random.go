package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// keepFirst is the images that a search has broken first; others stay as they are.
type keepFirst[T eager.Eager[T]] struct{ x, found T }

func begun[T eager.Eager[T]](t Task[T]) keepFirst[T] {
	return keepFirst[T]{t.Images, t.Goal.Reached(t.Images, t.Model.Logits(t.Images))}
}

// try asks the model about x and keeps what breaks an image for the first time. It says whether all are broken.
func (k *keepFirst[T]) try(t Task[T], x T) bool {
	now := t.Goal.Reached(x, t.Model.Logits(x))
	k.x = broad(eager.And(now, eager.Not(k.found)), x).Where(x, k.x)
	k.found = eager.Or(k.found, now)
	return k.done()
}

func (k *keepFirst[T]) done() bool {
	flags, err := truths(k.found)
	return err != nil || all(flags)
}

// BlendedNoise mixes images with uniform noise, as little as is enough.
type BlendedNoise[T eager.Eager[T]] struct {
	Metric     Norm
	Directions int // draws of noise, until one is enough by itself; 0 means 1,000
	Steps      int // of the mixture; 0 means 1,000
}

// Norm is the metric that distances are told in.
func (a BlendedNoise[T]) Norm() Norm { return a.Metric }

// Search draws noise that reaches the goal and then mixes as little of it as is enough. Where none does the image stays.
func (a BlendedNoise[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	x := t.Images
	noise := keepFirst[T]{x, eager.Full(x, 0, x.Shape()[0]).Cast(eager.Bool)}
	for range cmp.Or(a.Directions, 1000) {
		if ctx.Err() != nil || noise.try(t, eager.Uniform(x, t.Random, low, high, x.Shape()...)) {
			break
		}
	}
	moved, steps := eager.Sub(noise.x, x), cmp.Or(a.Steps, 1000)
	least := begun(t)
	for i := 1; i <= steps && !least.done() && ctx.Err() == nil; i++ {
		least.try(t, eager.Clip(eager.Add(x, eager.MulScalar(moved, float64(i)/float64(steps))), low, high))
	}
	return stopped(ctx, least.x)
}

// LinearContrast reduces contrast step by step.
type LinearContrast[T eager.Eager[T]] struct {
	Metric Norm
	Steps  int     // 0 means 1,000
	Target float64 // as in Contrast
}

// Norm is the metric that distances are told in.
func (a LinearContrast[T]) Norm() Norm { return a.Metric }

// Search keeps the first reduction that reaches the goal; the grey itself where none does.
func (a LinearContrast[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	toward := eager.ScalarSub(low+cmp.Or(a.Target, 0.5)*(high-low), t.Images)
	least, steps := begun(t), cmp.Or(a.Steps, 1000)
	for i := 1; i <= steps && !least.done() && ctx.Err() == nil; i++ {
		least.try(t, eager.Add(t.Images, eager.MulScalar(toward, float64(i)/float64(steps))))
	}
	return stopped(ctx, broad(least.found, t.Images).Where(least.x, eager.Add(t.Images, toward)))
}

// SaltAndPepper sets random elements to the bounds, as few as it finds enough; all channels of a pixel together.
type SaltAndPepper[T eager.Eager[T]] struct {
	Steps    int  // 0 means 1,000
	Channels int  // the axis of the colours, whose elements change together; 0: each by itself
	Apart    bool // colours change by themselves
}

// Norm is L2.
func (SaltAndPepper[T]) Norm() Norm { return L2 }

// Search raises the share of changed elements and returns to smaller ones once it has found a success.
func (a SaltAndPepper[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	x, steps, n := t.Images, cmp.Or(a.Steps, 1000), t.Images.Shape()[0]
	shape := append([]int(nil), x.Shape()...)
	if !a.Apart && len(shape) == 4 {
		shape[cmp.Or(a.Channels, 1)] = 1
	}
	best := x
	reached := t.Goal.Reached(x, t.Model.Logits(x))
	norms := reached.Where(eager.Zeros(x, n), eager.Full(x, math.Inf(1), n))
	least, most := eager.Zeros(x, n), eager.Ones(x, n)
	stride := eager.DivScalar(most, float64(steps))
	share := stride
	for step := range steps {
		if ctx.Err() != nil {
			break
		}
		u, half := eager.Uniform(x, t.Random, 0, 1, shape...), eager.DivScalar(broad(share, x), 2)
		salt := eager.GreaterEqual(u, eager.ScalarSub(1, half)).Cast(x.DType())
		pepper := eager.Less(u, half).Cast(x.DType())
		now := eager.Clip(eager.Add(x, eager.MulScalar(eager.Sub(salt, pepper), high-low)), low, high)
		norm := Distance(L2, x, now)
		better := eager.And(t.Goal.Reached(now, t.Model.Logits(now)), eager.Less(norm, norms))
		best, norms = broad(better, x).Where(now, best), better.Where(norm, norms)
		least = better.Where(eager.MulScalar(share, 0.5), least)
		most = better.Where(eager.MinimumScalar(eager.MulScalar(share, 1.2), 1), most)
		stride = better.Where(eager.DivScalar(eager.Sub(most, least), float64(steps-step)), stride)
		share = eager.Or(better, eager.Equal(share, most)).Where(least, share)
		share = eager.Minimum(eager.Add(share, stride), most)
	}
	return stopped(ctx, best)
}

// Dataset returns the nearest of other images that reach the goal.
type Dataset[T eager.Eager[T]] struct {
	Metric Norm
	Others T   // images as the task has them
	Draws  int // of others, for each image; 0: all of them
}

// Norm is the metric.
func (a Dataset[T]) Norm() Norm { return a.Metric }

// Search asks the model about every other image once, and keeps for each image of the task the nearest whose answer reaches the goal.
func (a Dataset[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	answers := t.Model.Logits(a.Others)
	count, n := rows(a.Others), rows(t.Images)
	best, norms := t.Images, eager.Full(t.Images, math.Inf(1), n)
	for draw := range cmp.Or(a.Draws, count) {
		if ctx.Err() != nil {
			break
		}
		chosen := make([]float64, n)
		for i := range chosen {
			chosen[i] = float64(draw)
			if a.Draws > 0 {
				chosen[i] = float64(t.Random.IntN(count))
			}
		}
		at := index(t.Images, chosen)
		other := a.Others.Gather(0, at)
		norm := Distance(a.Metric, t.Images, other)
		nearer := eager.And(t.Goal.Reached(other, answers.Gather(0, at)), eager.Less(norm, norms))
		best, norms = broad(nearer, best).Where(other, best), nearer.Where(norm, norms)
	}
	return stopped(ctx, best)
}
