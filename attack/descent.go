package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
	"visus/rescale"
)

// Descent follows the gradient of the cross-entropy within the ball of radius epsilon: one step is the fast gradient method (Goodfellow et al.
// 2015), several are the basic iterative method (Kurakin et al. 2017), with a random start projected gradient descent (Madry et al. 2018).
// See [FastGradient], [BasicIterative], [ProjectedGradient].
type Descent[T eager.Eager[T]] struct {
	Metric   Norm    // L1, L2 or LInf
	Steps    int     // 0 means 1
	Relative float64 // the length of a step, by epsilon; 0 means 1
	Absolute float64 // the length of a step; 0: Relative's
	Start    bool    // begin at a random point of the ball
	Adam     bool    // steps are Adam's, of normalised gradients
	Momentum float64 // gradients are summed with this decay and normalised again (Dong et al. 2018)
	// Exact spends the whole budget of L1 and L2: what clipping to the bounds takes away is given back by rescaling (package rescale).
	Exact bool
}

// FastGradient is one step of length epsilon.
func FastGradient[T eager.Eager[T]](n Norm) Descent[T] { return Descent[T]{Metric: n} }

// BasicIterative is ten steps of 0.2 epsilon.
func BasicIterative[T eager.Eager[T]](n Norm) Descent[T] {
	return Descent[T]{Metric: n, Steps: 10, Relative: 0.2}
}

// ProjectedGradient is 40 steps of 0.01/0.3 epsilon for LInf and 50 of 0.025 epsilon for L1 and L2, from a random start.
func ProjectedGradient[T eager.Eager[T]](n Norm) Descent[T] {
	if n == LInf {
		return Descent[T]{Metric: n, Steps: 40, Relative: 0.01 / 0.3, Start: true}
	}
	return Descent[T]{Metric: n, Steps: 50, Relative: 0.025, Start: true}
}

// Norm is the metric.
func (a Descent[T]) Norm() Norm { return a.Metric }

// Push climbs the loss of the labels, or descends that of targets.
func (a Descent[T]) Push(ctx context.Context, t Task[T], epsilon T) T {
	classes, sign, err := aim(t.Images, t.Goal)
	if err != nil {
		return t.Images.Fail(err)
	}
	w := walk[T]{x: a.begin(t, epsilon), origin: t.Images, epsilon: epsilon, classes: classes, goal: t.Goal}
	low, high := t.Model.Bounds()
	length := eager.MulScalar(epsilon, cmp.Or(a.Relative, 1))
	if a.Absolute != 0 {
		length = eager.FullLike(epsilon, a.Absolute)
	}
	if a.Metric == LInf { // the ball and the domain are one box
		bound := broad(epsilon, w.x)
		w.box = []T{eager.MaximumScalar(eager.Sub(w.origin, bound), low), eager.MinimumScalar(eager.Add(w.origin, bound), high)}
	}
	final := w.x
	for step := range max(a.Steps, 1) {
		if ctx.Err() != nil {
			return t.Images.Fail(ctx.Err())
		}
		logits, gradient := t.Model.Gradient(CrossEntropy, w.x, w.classes)
		if t.Early {
			if final, gradient = w.leave(final, logits, gradient); w.x.Err() == nil && len(w.rows) == 0 && w.left {
				return final
			}
		}
		move := a.direction(&w, gradient, step)
		x := eager.Add(w.x, eager.Mul(move, broad(eager.MulScalar(w.pick(length), sign), w.x)))
		w.x = a.project(w, x, low, high)
	}
	return w.finish(final)
}

func (a Descent[T]) begin(t Task[T], epsilon T) T {
	if !a.Start {
		return t.Images
	}
	low, high := t.Model.Bounds()
	return eager.Clip(eager.Add(t.Images, start(a.Metric, t.Images, epsilon, t.Random)), low, high)
}

// direction is a step of length 1.
func (a Descent[T]) direction(w *walk[T], gradient T, step int) T {
	move := unit(a.Metric, gradient)
	switch {
	case a.Adam:
		return w.adam(move, step)
	case a.Momentum != 0:
		if step == 0 {
			w.moments = []T{eager.ZerosLike(move)}
		}
		w.moments[0] = eager.Add(eager.MulScalar(w.moments[0], a.Momentum), move)
		return unit(a.Metric, w.moments[0])
	}
	return move
}

// project brings x back into the ball and the bounds.
func (a Descent[T]) project(w walk[T], x T, low, high float64) T {
	if a.Metric == LInf {
		return eager.Maximum(eager.Minimum(x, w.box[1]), w.box[0])
	}
	moved := eager.Sub(x, w.origin)
	if a.Exact {
		v, _ := rescale.Perturb(w.origin, moved, w.epsilon, rescale.Options{P: float64(a.Metric), Low: low, High: high, Shrink: true})
		return v
	}
	return eager.Clip(eager.Add(w.origin, shorten(a.Metric, moved, w.epsilon)), low, high)
}

// walk is a descent under way: the images that are still walking, where they came from, and Adam's moments or the momentum.
type walk[T eager.Eager[T]] struct {
	x, origin, epsilon, classes T
	goal                        Goal[T]
	moments                     []T
	box                         []T       // the least and the most of each element, for LInf
	rows                        []float64 // of the task's images, where some have left
	left                        bool
}

// leave puts those that have reached the goal into final and goes on with the others.
func (w *walk[T]) leave(final, logits, gradient T) (T, T) {
	reached, err := truths(w.goal.Reached(w.x, logits))
	if err != nil {
		w.x = w.x.Fail(err)
		return final.Fail(err), gradient
	}
	if !w.left {
		w.rows = make([]float64, len(reached))
		for i := range w.rows {
			w.rows[i] = float64(i)
		}
	}
	var stay, there, gone []float64
	for i, done := range reached {
		if done {
			there, gone = append(there, w.rows[i]), append(gone, float64(i))
		} else {
			stay = append(stay, float64(i))
		}
	}
	if len(gone) == 0 {
		return final, gradient
	}
	final = put(final, there, w.x.Gather(0, index(w.x, gone)))
	rows := make([]float64, len(stay))
	for i, s := range stay {
		rows[i] = w.rows[int(s)]
	}
	w.rows, w.left = rows, true
	if len(stay) == 0 {
		return final, gradient
	}
	at := index(w.x, stay)
	for _, part := range []*T{&w.x, &w.origin, &w.epsilon, &w.classes, &gradient} {
		*part = (*part).Gather(0, at)
	}
	for _, list := range [][]T{w.moments, w.box} {
		for i, m := range list {
			list[i] = m.Gather(0, at)
		}
	}
	w.goal = w.goal.Take(at)
	return final, gradient
}

func index[T eager.Tensor[T]](x T, rows []float64) T {
	return x.FromFlat(eager.Int64, rows, []int{len(rows)})
}

// pick is a value a sample, for those still walking.
func (w *walk[T]) pick(each T) T {
	if !w.left {
		return each
	}
	return each.Gather(0, index(each, w.rows))
}

// finish is final with those that never reached the goal.
func (w *walk[T]) finish(final T) T {
	if !w.left {
		return w.x
	}
	return put(final, w.rows, w.x)
}

// adam is a step of length 1 of Adam (Kingma & Ba 2015), with moments that lean by 0.9 and 0.999.
func (w *walk[T]) adam(gradient T, step int) T {
	if step == 0 {
		w.moments = []T{eager.ZerosLike(gradient), eager.ZerosLike(gradient)}
	}
	return adamStep(&w.moments[0], &w.moments[1], gradient, step)
}

func adamStep[T eager.Tensor[T]](first, second *T, gradient T, step int) T {
	const lean1, lean2 = 0.9, 0.999
	*first = eager.Add(eager.MulScalar(*first, lean1), eager.MulScalar(gradient, 1-lean1))
	*second = eager.Add(eager.MulScalar(*second, lean2), eager.MulScalar(eager.Square(gradient), 1-lean2))
	mean := eager.DivScalar(*first, 1-math.Pow(lean1, float64(step+1)))
	spread := eager.DivScalar(*second, 1-math.Pow(lean2, float64(step+1)))
	return eager.Div(mean, eager.AddScalar(eager.Sqrt(spread), 1e-8))
}

// exactly is x plus delta with the length epsilon after clipping, where there is room for it.
func exactly[T eager.Tensor[T]](n Norm, x, delta, epsilon T, low, high float64) T {
	v, _ := rescale.Perturb(x, delta, epsilon, rescale.Options{P: float64(n), Low: low, High: high})
	return v
}
