package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// DeepFool steps to the nearest of the boundaries that the model would have if it were linear (Moosavi-Dezfooli et al. 2016).
type DeepFool[T eager.Eager[T]] struct {
	Metric     Norm    // L2 or LInf
	Steps      int     // 0 means 50
	Candidates int     // the classes that are looked at, the likeliest first; 0 means 10
	Overshoot  float64 // how far beyond the boundary; 0 means 0.02
}

// Norm is the metric.
func (a DeepFool[T]) Norm() Norm { return a.Metric }

// Search steps until all images reach the goal.
func (a DeepFool[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	logits := t.Model.Logits(t.Images)
	if logits.Err() != nil {
		return logits
	}
	k := min(cmp.Or(a.Candidates, 10), logits.Shape()[1])
	if k < 2 {
		return t.Images.Fail(eager.Errorf("deepfool", eager.ErrShape, "expected at least two classes, found %d", k))
	}
	_, classes := eager.TopK(logits, k)
	class := func(i int) T { return eager.Index(classes, eager.Whole, eager.At(i)) }
	x, total := t.Images, eager.ZerosLike(t.Images)
	for range cmp.Or(a.Steps, 50) {
		answers, first := t.Model.Gradient(Difference, x, class(1), class(0))
		reached := t.Goal.Reached(x, answers)
		if done, err := truths(reached); err != nil || ctx.Err() != nil || all(done) {
			break
		}
		distance := eager.Full(x, math.Inf(1), x.Shape()[0])
		step := eager.ZerosLike(x)
		for i := 1; i < k; i++ {
			gradient := first
			if i > 1 {
				_, gradient = t.Model.Gradient(Difference, x, class(i), class(0))
			}
			loss := eager.Sub(at(answers, class(i)), at(answers, class(0)))
			there, move := a.toward(loss, gradient)
			nearer := eager.Less(there, distance)
			distance, step = nearer.Where(there, distance), broad(nearer, x).Where(move, step)
		}
		total = eager.Add(total, step)
		moved := eager.Add(t.Images, eager.MulScalar(total, 1+cmp.Or(a.Overshoot, 0.02)))
		x = eager.Clip(broad(reached, x).Where(x, moved), low, high)
	}
	return stopped(ctx, x)
}

// toward is the distance to a class's boundary and the step across it.
func (a DeepFool[T]) toward(loss, gradient T) (distance, step T) {
	dual := L2
	if a.Metric == LInf {
		dual = L1
	}
	slope := eager.AddScalar(size(dual, gradient), 1e-8)
	distance = eager.Div(eager.Abs(loss), slope)
	beyond := eager.AddScalar(distance, 1e-4)
	if a.Metric == LInf {
		return distance, eager.Mul(eager.Sign(gradient), broad(beyond, gradient))
	}
	return distance, eager.Mul(gradient, broad(eager.Div(beyond, slope), gradient))
}

// NewtonFool lowers the probability of the label by Newton's steps (Jang et al. 2017).
type NewtonFool[T eager.Eager[T]] struct {
	Steps    int     // 0 means 100
	StepSize float64 // 0 means 0.01
}

// Norm is L2.
func (NewtonFool[T]) Norm() Norm { return L2 }

// Search steps until the label is not the answer.
func (a NewtonFool[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	labels, sign, err := aim(t.Images, t.Goal)
	if err == nil && sign < 0 {
		err = eager.Errorf("newtonfool", eager.ErrUnsupported, "expected the goal Misclassified; it has no target")
	}
	if err != nil {
		return t.Images.Fail(err)
	}
	low, high := t.Model.Bounds()
	x := t.Images
	length := eager.MulScalar(eager.Square(size(L2, x)), cmp.Or(a.StepSize, 0.01))
	for range cmp.Or(a.Steps, 100) {
		if ctx.Err() != nil {
			break
		}
		logits, gradient := t.Model.Gradient(Probability, x, labels)
		slope := eager.Square(size(L2, gradient))
		above := eager.SubScalar(Of(Probability, logits, []T{labels}), 1/float64(max(1, width(logits))))
		delta := eager.Minimum(eager.Mul(length, slope), above)
		still := eager.Equal(eager.ArgMax(logits, 1), labels).Cast(x.DType())
		factor := eager.Div(eager.Mul(delta, still), eager.MaximumScalar(eager.Square(slope), 1e-30))
		x = eager.Clip(eager.Sub(x, eager.Mul(gradient, broad(factor, x))), low, high)
	}
	return stopped(ctx, x)
}

func width[T eager.Tensor[T]](logits T) int {
	if s := logits.Shape(); len(s) == 2 {
		return s[1]
	}
	return 1
}
