// Package attack finds small perturbations that change what a classifier answers.
//
// An attack is a function of a Task: a model, images, what counts as success, and random numbers. It is written over the tensors of package
// eager, one attack a file; Run gives it all epsilons and says, for each, what it returned (Raw), that within epsilon (Within), and whether
// the latter succeeds. The attacks and their defaults are those of foolbox 3.3.4 (Rauber, Brendel & Bethge 2017), its defects mended.
package attack

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"visus/eager"
)

// Task is what an attack is asked: for each image, one that is close to it and reaches the goal.
type Task[T eager.Eager[T]] struct {
	Model  Model[T]
	Images T // [n, ...], within the model's bounds
	Goal   Goal[T]
	Random *rand.Rand // its attacks are the same for the same generator
	// Early lets an attack leave an image as soon as it reaches the goal, and lets Run close in on the smallest epsilon that is enough instead of
	// trying all of them: what resists a larger one is taken to resist. The successes are as good, but other images.
	Early bool
}

// Attack is a Fixed or a Minimal attack.
type Attack interface{ Norm() Norm }

// Fixed is an attack that looks for success within a given distance.
type Fixed[T eager.Eager[T]] interface {
	Norm() Norm
	// Push returns perturbed images; epsilon is [n]. Run clips to epsilon what goes beyond.
	Push(ctx context.Context, t Task[T], epsilon T) T
}

// Minimal is an attack that looks for the smallest distance.
type Minimal[T eager.Eager[T]] interface {
	Norm() Norm
	// Search returns perturbed images. What is closer than enough need not become closer still.
	Search(ctx context.Context, t Task[T], enough float64) T
}

// Result is what an attack found: for each epsilon and image.
type Result[T eager.Eager[T]] struct {
	Epsilons []float64
	Raw      []T         // what the attack returned, [n, ...]; of a Minimal attack the same for all epsilons
	Within   []T         // Raw, moved toward the image until it is within epsilon
	Success  [][]bool    // whether Within reaches the goal, [epsilon][image]
	Distance [][]float64 // of Raw from the image, [epsilon][image]
	Queries  Queries
}

// Queries counts the images that a model was asked about.
type Queries struct{ Answers, Gradients int }

// Run runs a Fixed or a Minimal attack for all epsilons, which are above 0, in one go. It reports an error for images outside the model's
// bounds and for whatever a tensor carries.
func Run[T eager.Eager[T]](ctx context.Context, attack Attack, t Task[T], epsilons ...float64) (Result[T], error) {
	counted := &counting[T]{Model: t.Model}
	t.Model = counted
	r := Result[T]{Epsilons: epsilons}
	if err := t.check(epsilons); err != nil {
		return r, err
	}
	norm := Norm(math.NaN())
	var err error
	switch a := attack.(type) {
	case Fixed[T]:
		norm = a.Norm()
		if t.Early {
			err = r.closing(ctx, a, t)
		} else {
			err = r.together(ctx, a, t)
		}
	case Minimal[T]:
		norm = a.Norm()
		found := a.Search(ctx, t, least(epsilons))
		for range epsilons {
			r.Raw = append(r.Raw, found)
		}
		err = found.Err()
	default:
		err = fmt.Errorf("attack: %T is neither a Fixed nor a Minimal attack for these tensors", attack)
	}
	if err == nil {
		err = r.judge(ctx, t, norm)
	}
	r.Queries = counted.Queries
	return r, err
}

func least(epsilons []float64) float64 {
	out := math.Inf(1)
	for _, e := range epsilons {
		out = min(out, e)
	}
	return out
}

func (t Task[T]) check(epsilons []float64) error {
	if len(epsilons) == 0 {
		return fmt.Errorf("attack: expected at least one epsilon")
	}
	for _, e := range epsilons {
		if !(e > 0) {
			return fmt.Errorf("attack: epsilon is %v; expected a number above 0", e)
		}
	}
	if t.Random == nil {
		return fmt.Errorf("attack: expected a random generator")
	}
	if shape := t.Images.Shape(); t.Images.Err() == nil && (len(shape) < 2 || shape[0] == 0) {
		return fmt.Errorf("attack: expected images [n, ...], found shape %v", shape)
	}
	low, high := t.Model.Bounds()
	values, err := t.Images.Floats()
	if err != nil {
		return err
	}
	each := len(values) / t.Images.Shape()[0]
	for i, v := range values {
		if !(v >= low && v <= high) {
			return fmt.Errorf("attack: image %d has the value %v; expected the model's bounds, %v to %v", i/each, v, low, high)
		}
	}
	return nil
}

// together pushes all images for all epsilons as one batch.
func (r *Result[T]) together(ctx context.Context, a Fixed[T], t Task[T]) error {
	n := t.Images.Shape()[0]
	rows, each := make([]float64, 0, n*len(r.Epsilons)), make([]float64, 0, n*len(r.Epsilons))
	for _, e := range r.Epsilons {
		for i := range n {
			rows, each = append(rows, float64(i)), append(each, e)
		}
	}
	found := a.Push(ctx, t.take(rows), t.Images.FromFlat(t.Images.DType(), each, []int{len(each)}))
	for k := range r.Epsilons {
		r.Raw = append(r.Raw, eager.Index(found, eager.Span(k*n, (k+1)*n, 1)))
	}
	return found.Err()
}

// closing looks, for each image, for the smallest epsilon within which the attack succeeds, by bisection, all images side by side. What
// succeeds within one epsilon does so within all larger ones; what resists within one is taken to resist within all smaller ones.
func (r *Result[T]) closing(ctx context.Context, a Fixed[T], t Task[T]) error {
	epsilons := slices.Clone(r.Epsilons)
	slices.Sort(epsilons)
	reached, err := t.reached(t.Images)
	if err != nil {
		return err
	}
	low, high := make([]int, len(reached)), make([]int, len(reached)) // of the smallest epsilon that is enough; len(epsilons): none is
	for i, done := range reached {
		if !done {
			high[i] = len(epsilons)
		}
	}
	found, resisting := t.Images, t.Images
	for {
		var open, each []float64
		for i := range low {
			if low[i] < high[i] {
				open, each = append(open, float64(i)), append(each, t.tight(a.Norm(), epsilons[(low[i]+high[i])/2]))
			}
		}
		if len(open) == 0 {
			break
		}
		part := t.take(open)
		room := eager.FromFloats(t.Images, t.Images.DType(), each, len(each))
		pushed := Within(a.Norm(), part.Images, a.Push(ctx, part, room), room)
		if reached, err = part.reached(pushed); err != nil {
			return err
		}
		var broken, others []float64 // of part
		for i, done := range reached {
			at := int(open[i])
			middle := (low[at] + high[at]) / 2
			if done {
				high[at], broken = middle, append(broken, float64(i))
			} else {
				low[at], others = middle+1, append(others, float64(i))
			}
		}
		found, resisting = move(found, open, pushed, broken), move(resisting, open, pushed, others)
	}
	for _, e := range r.Epsilons {
		k := slices.Index(epsilons, e)
		var enough []float64
		for i := range high {
			if high[i] <= k {
				enough = append(enough, float64(i))
			}
		}
		r.Raw = append(r.Raw, move(resisting, identity(len(high)), found, enough))
	}
	return found.Err()
}

// move replaces, in x, the rows to[i] by the rows i of from, for some i.
func move[T eager.Eager[T]](x T, to []float64, from T, rows []float64) T {
	if len(rows) == 0 {
		return x
	}
	places := make([]float64, len(rows))
	for i, row := range rows {
		places[i] = to[int(row)]
	}
	return put(x, places, from.Gather(0, from.FromFlat(eager.Int64, rows, []int{len(rows)})))
}

func identity(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i)
	}
	return out
}

// judge clips to the epsilons, and asks the model what it makes of that.
func (r *Result[T]) judge(ctx context.Context, t Task[T], norm Norm) error {
	for k, e := range r.Epsilons {
		if err := ctx.Err(); err != nil {
			return err
		}
		within := Within(norm, t.Images, r.Raw[k], eager.Full(t.Images, t.tight(norm, e), t.Images.Shape()[0]))
		success, err := t.reached(within)
		if err != nil {
			return err
		}
		distance, err := Distance(norm, t.Images, r.Raw[k]).Floats()
		if err != nil {
			return err
		}
		r.Within, r.Success, r.Distance = append(r.Within, within), append(r.Success, success), append(r.Distance, distance)
	}
	return nil
}

// tight is a little less than epsilon, so that rounding to float32, half a step of each element, leaves nothing beyond it.
func (t Task[T]) tight(n Norm, epsilon float64) float64 {
	if t.Images.DType() != eager.Float32 || n == L0 {
		return epsilon
	}
	low, high := t.Model.Bounds()
	half := 0x1p-24 * max(math.Abs(low), math.Abs(high))
	elements := float64(eager.Size(t.Images.Shape()[1:]))
	switch n {
	case L2:
		half *= math.Sqrt(elements)
	case L1:
		half *= elements
	}
	return max(epsilon*(1-0x1p-20)-half, 0)
}

// take is the task of some of its images, which may repeat.
func (t Task[T]) take(rows []float64) Task[T] {
	index := t.Images.FromFlat(eager.Int64, rows, []int{len(rows)})
	t.Images, t.Goal = t.Images.Gather(0, index), t.Goal.Take(index)
	return t
}

// reached says which of the images reach the goal.
func (t Task[T]) reached(x T) ([]bool, error) { return truths(t.Goal.Reached(x, t.Model.Logits(x))) }

// put replaces rows of x.
func put[T eager.Eager[T]](x T, rows []float64, values T) T {
	return eager.PutAt(x, []T{x.FromFlat(eager.Int64, rows, []int{len(rows)})}, values)
}

func truths[T eager.Eager[T]](mask T) ([]bool, error) {
	values, err := mask.Floats()
	out := make([]bool, len(values))
	for i, v := range values {
		out[i] = v != 0
	}
	return out, err
}

// Repeat runs an attack several times, with other random numbers each time, and keeps for each epsilon and image the first success, or, of a
// Minimal attack, the closest.
func Repeat[T eager.Eager[T]](ctx context.Context, times int, attack Attack, t Task[T], epsilons ...float64) (Result[T], error) {
	if times < 1 {
		return Result[T]{}, fmt.Errorf("attack: repeated %d times; expected at least once", times)
	}
	best, err := Run(ctx, attack, t, epsilons...)
	_, closest := attack.(Minimal[T])
	for i := 1; i < times && err == nil; i++ {
		var next Result[T]
		if next, err = Run(ctx, attack, t, epsilons...); err == nil {
			err = best.merge(next, closest)
		}
	}
	return best, err
}

// merge takes from another result what is better.
func (r *Result[T]) merge(next Result[T], closest bool) error {
	for k := range r.Epsilons {
		var rows []float64
		for i := range r.Success[k] {
			better := next.Success[k][i] && (!r.Success[k][i] || closest && next.Distance[k][i] < r.Distance[k][i])
			if better {
				rows = append(rows, float64(i))
				r.Success[k][i], r.Distance[k][i] = true, next.Distance[k][i]
			}
		}
		if len(rows) > 0 {
			at := r.Raw[k].FromFlat(eager.Int64, rows, []int{len(rows)})
			r.Raw[k] = put(r.Raw[k], rows, next.Raw[k].Gather(0, at))
			r.Within[k] = put(r.Within[k], rows, next.Within[k].Gather(0, at))
		}
		if err := r.Within[k].Err(); err != nil {
			return err
		}
	}
	r.Queries.Answers += next.Queries.Answers
	r.Queries.Gradients += next.Queries.Gradients
	return nil
}
