package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// ElasticNet is CarliniWagner's search for a mixture of L1 and squared L2, by shrinkage and thresholding with momentum (EAD, Chen et al. 2018).
type ElasticNet[T eager.Eager[T]] struct {
	Searches       int     // 0 means 9
	Steps          int     // 0 means 10,000
	StepSize       float64 // of the first step, falling with the root of what is left; 0 means 0.01
	Confidence     float64 // the margin that is asked for
	Weight         float64 // the first one; 0 means 1e-3
	Regularisation float64 // the weight of L1; 0 means 0.01
	L1             bool    // keep the success that is closest in L1; otherwise in the mixture
	Patient        bool    // go on where a tenth of the steps brings no progress
}

// Norm is L1.
func (ElasticNet[T]) Norm() Norm { return L1 }

// Search keeps, for each image, the closest success.
func (a ElasticNet[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	n, steps, beta := t.Images.Shape()[0], cmp.Or(a.Steps, 10_000), cmp.Or(a.Regularisation, 0.01)
	s := weightSearch[T]{best: eager.ZerosLike(t.Images), distance: eager.Full(t.Images, math.Inf(1), n)}
	s.begin(t.Images, n, cmp.Or(a.Weight, 1e-3))
	for try := range cmp.Or(a.Searches, 9) {
		s.last(try, cmp.Or(a.Searches, 9))
		x, y := t.Images, t.Images
		found, before := eager.Full(t.Images, 0, n).Cast(eager.Bool), math.Inf(1)
		for step := range steps {
			if ctx.Err() != nil {
				return t.Images.Fail(ctx.Err())
			}
			logits, gradient := t.Model.Gradient(Margin, y, classes)
			margin := eager.AddScalar(eager.MulScalar(Of(Margin, logits, []T{classes}), sign), a.Confidence)
			pull := eager.GreaterScalar(margin, 0).Where(eager.MulScalar(s.weight, sign), eager.Scalar(y, 0))
			moved := eager.Sub(y, t.Images)
			slope := eager.Add(eager.Mul(gradient, broad(pull, y)), eager.MulScalar(moved, 2))
			length := cmp.Or(a.StepSize, 0.01) * math.Sqrt(1-float64(step)/float64(steps))
			old := x
			x = a.shrink(t, eager.Sub(y, eager.MulScalar(slope, length)), beta)
			y = eager.Add(x, eager.MulScalar(eager.Sub(x, old), float64(step)/(float64(step)+3)))
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
			found = eager.Or(found, s.keep(t, x, confident(t.Model.Logits(x), classes, sign*a.Confidence), a.distance(eager.Sub(x, t.Images), beta)))
		}
		s.next(found)
	}
	return stopped(ctx, s.best)
}

func (a ElasticNet[T]) distance(moved T, beta float64) T {
	if a.L1 {
		return size(L1, moved)
	}
	return eager.Add(eager.MulScalar(size(L1, moved), beta), eager.Square(size(L2, moved)))
}

// shrink moves each element of z toward the image's by beta, to it where it is closer, and clips to the bounds.
func (a ElasticNet[T]) shrink(t Task[T], z T, beta float64) T {
	low, high := t.Model.Bounds()
	moved := eager.Sub(z, t.Images)
	x := eager.GreaterScalar(moved, beta).Where(eager.MinimumScalar(eager.SubScalar(z, beta), high), t.Images)
	return eager.LessScalar(moved, -beta).Where(eager.MaximumScalar(eager.AddScalar(z, beta), low), x)
}

// VirtualAdversarial pushes along the direction in which the answer's distribution changes most, found by power iteration (Miyato et al. 2015).
// It needs no labels.
type VirtualAdversarial[T eager.Eager[T]] struct {
	Steps int     // of power iteration; 0 means 1
	Xi    float64 // how far from the image derivatives are taken; 0 means 1e-6
}

// Norm is L2.
func (VirtualAdversarial[T]) Norm() Norm { return L2 }

// Push pushes.
func (a VirtualAdversarial[T]) Push(ctx context.Context, t Task[T], epsilon T) T {
	low, high := t.Model.Bounds()
	x, answers := t.Images, t.Model.Logits(t.Images)
	direction := eager.Normal(x, t.Random, 0, 1, x.Shape()...)
	for range cmp.Or(a.Steps, 1) {
		if ctx.Err() != nil {
			break
		}
		near := eager.Add(x, eager.MulScalar(unit(L2, direction), cmp.Or(a.Xi, 1e-6)))
		_, gradient := t.Model.Gradient(Divergence, near, answers)
		gone, err := truths(eager.EqualScalar(size(L2, gradient), 0))
		if err != nil {
			return x.Fail(err)
		}
		for i, zero := range gone {
			if zero {
				return x.Fail(eager.Errorf("virtual adversarial", eager.ErrEngine, "image %d: the gradient vanished; a larger xi than %v may help", i, cmp.Or(a.Xi, 1e-6)))
			}
		}
		direction = gradient
	}
	return stopped(ctx, eager.Clip(eager.Add(x, eager.Mul(unit(L2, direction), broad(epsilon, x))), low, high))
}
