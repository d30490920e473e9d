package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// CarliniWagner minimises distance and margin together, in a space without bounds, and searches for the weight between them (Carlini & Wagner
// 2017).
type CarliniWagner[T eager.Eager[T]] struct {
	Searches   int     // weights that are tried; 0 means 9
	Steps      int     // of Adam, for each weight; 0 means 10,000
	StepSize   float64 // 0 means 0.01
	Confidence float64 // the margin that is asked for
	Weight     float64 // the first one; 0 means 1e-3
	Patient    bool    // go on where a tenth of the steps brings no progress
}

// Norm is L2.
func (CarliniWagner[T]) Norm() Norm { return L2 }

// Search keeps, for each image, the closest success.
func (a CarliniWagner[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	low, high := t.Model.Bounds()
	middle, half, n := (low+high)/2, (high-low)/2, t.Images.Shape()[0]
	origin := eager.Arctanh(eager.MulScalar(eager.DivScalar(eager.SubScalar(t.Images, middle), half), 0.999999))
	image := func(w T) T { return eager.AddScalar(eager.MulScalar(eager.Tanh(w), half), middle) }
	start := image(origin)

	s := weightSearch[T]{best: eager.ZerosLike(t.Images), distance: eager.Full(t.Images, math.Inf(1), n)}
	s.begin(t.Images, n, cmp.Or(a.Weight, 1e-3))
	steps := cmp.Or(a.Steps, 10_000)
	for try := range cmp.Or(a.Searches, 9) {
		s.last(try, cmp.Or(a.Searches, 9))
		delta := eager.ZerosLike(origin)
		first, second := eager.ZerosLike(origin), eager.ZerosLike(origin)
		found, before := eager.Full(t.Images, 0, n).Cast(eager.Bool), math.Inf(1)
		for step := range steps {
			if ctx.Err() != nil {
				return t.Images.Fail(ctx.Err())
			}
			x := image(eager.Add(origin, delta))
			logits, gradient := t.Model.Gradient(Margin, x, classes)
			margin := eager.AddScalar(eager.MulScalar(Of(Margin, logits, []T{classes}), sign), a.Confidence)
			pull := eager.GreaterScalar(margin, 0).Where(eager.MulScalar(s.weight, sign), eager.Scalar(x, 0))
			moved := eager.Sub(x, start)
			slope := eager.Add(eager.Mul(gradient, broad(pull, x)), eager.MulScalar(moved, 2))
			slope = eager.Mul(slope, eager.MulScalar(eager.ScalarSub(1, eager.Square(eager.DivScalar(eager.SubScalar(x, middle), half))), half))
			delta = eager.Sub(delta, eager.MulScalar(adamStep(&first, &second, slope, step), cmp.Or(a.StepSize, 0.01)))
			loss, err := eager.Sum(eager.Add(eager.Mul(eager.MaximumScalar(margin, 0), s.weight), eager.Square(size(L2, moved))), false).Item()
			if err != nil {
				return t.Images.Fail(err)
			}
			if !a.Patient && step%int(math.Ceil(float64(steps)/10)) == 0 {
				if !(loss <= 0.9999*before) {
					break
				}
				before = loss
			}
			found = eager.Or(found, s.keep(t, x, confident(logits, classes, sign*a.Confidence), size(L2, eager.Sub(x, t.Images))))
		}
		s.next(found)
	}
	return stopped(ctx, s.best)
}

// confident adds the margin that is asked for to the logits of the classes, so that the goal is reached with it.
func confident[T eager.Tensor[T]](logits, classes T, margin float64) T {
	if margin == 0 {
		return logits
	}
	return eager.Add(logits, eager.OneHotLike(logits, classes, margin))
}

// weightSearch looks for the smallest weight of the margin that makes a success: tenfold until there is one, then by bisection. It keeps the
// closest success of all.
type weightSearch[T eager.Eager[T]] struct {
	weight, lower, upper T
	best, distance       T
}

func (s *weightSearch[T]) begin(x T, n int, weight float64) {
	s.weight, s.lower, s.upper = eager.Full(x, weight, n), eager.Zeros(x, n), eager.Full(x, math.Inf(1), n)
}

// last tries the upper weight once more, in a long search.
func (s *weightSearch[T]) last(try, of int) {
	if try == of-1 && of >= 10 {
		s.weight = eager.MinimumScalar(s.upper, 1e10)
	}
}

// keep takes over what is a success and closer than what there was, and says which are successes.
func (s *weightSearch[T]) keep(t Task[T], x, logits, distance T) T {
	reached := t.Goal.Reached(x, logits)
	closer := eager.And(reached, eager.Less(distance, s.distance))
	s.best, s.distance = broad(closer, x).Where(x, s.best), closer.Where(distance, s.distance)
	return reached
}

func (s *weightSearch[T]) next(found T) {
	s.upper, s.lower = found.Where(s.weight, s.upper), found.Where(s.lower, s.weight)
	open := eager.IsInf(s.upper)
	middle := eager.DivScalar(eager.Add(s.lower, open.Where(s.lower, s.upper)), 2)
	s.weight = open.Where(eager.MulScalar(s.weight, 10), middle)
}
