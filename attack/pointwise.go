package attack

import (
	"context"

	"visus/eager"
)

// Pointwise returns elements to the image's, one by one, as long as the goal stays reached, and then bisects each of the rest (Schott et al.
// 2019).
type Pointwise[T eager.Eager[T]] struct {
	Metric Norm // what distances are told in
	Coarse bool // elements are the image's or the start's; otherwise in between too
	Begin  *T   // images that reach the goal; nil: SaltAndPepper finds some
}

// Norm is the metric.
func (a Pointwise[T]) Norm() Norm { return a.Metric }

// Search goes over the elements in random order until a whole round changes nothing.
func (a Pointwise[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	begin := a.Begin
	if begin == nil {
		found := SaltAndPepper[T]{Steps: 200}.Search(ctx, t, 0)
		begin = &found
	}
	x, _ := beginning(ctx, t, begin)
	origin, err := t.Images.Floats()
	if err != nil {
		return t.Images.Fail(err)
	}
	p := points[T]{task: t, shape: x.Shape(), origin: origin}
	if p.now, err = x.Floats(); err != nil {
		return x.Fail(err)
	}
	for p.round(ctx, 0) {
	}
	if !a.Coarse {
		p.round(ctx, 10)
	}
	if p.err != nil {
		return x.Fail(p.err)
	}
	return stopped(ctx, eager.FromFloats(x, x.DType(), p.now, p.shape...))
}

// points are images under way, on the host.
type points[T eager.Eager[T]] struct {
	task        Task[T]
	shape       []int
	origin, now []float64
	err         error
}

// round tries the differing elements of all images, side by side, in random order: the image's value, or else, with halvings, what lies
// nearest to it. It says whether an element returned.
func (p *points[T]) round(ctx context.Context, halvings int) bool {
	n, each := p.shape[0], len(p.now)/p.shape[0]
	open, longest := make([][]int, n), 0
	for i := range n {
		for k := i * each; k < (i+1)*each; k++ {
			if d := p.now[k] - p.origin[k]; d > 1e-8 || d < -1e-8 {
				open[i] = append(open[i], k)
			}
		}
		p.task.Random.Shuffle(len(open[i]), func(a, b int) { open[i][a], open[i][b] = open[i][b], open[i][a] })
		longest = max(longest, len(open[i]))
	}
	changed := false
	for k := range longest {
		at := make([]int, n)
		inside, outside := make([]float64, n), make([]float64, n) // a value that reaches the goal, and one that may not
		for i := range n {
			at[i] = -1
			if k < len(open[i]) {
				at[i] = open[i][k]
				inside[i], outside[i] = p.now[at[i]], p.origin[at[i]]
			}
		}
		tried := outside
		for h := 0; h <= halvings; h++ {
			reached := p.with(at, tried)
			if p.err != nil || ctx.Err() != nil {
				return false
			}
			next := make([]float64, n)
			for i := range n {
				if at[i] >= 0 && reached[i] {
					inside[i], changed = tried[i], changed || h == 0
				} else {
					outside[i] = tried[i]
				}
				next[i] = (inside[i] + outside[i]) / 2
			}
			tried = next
		}
		for i, place := range at {
			if place >= 0 {
				p.now[place] = inside[i]
			}
		}
	}
	return changed
}

// with says which images reach the goal with other values at a place each.
func (p *points[T]) with(at []int, values []float64) []bool {
	old := make([]float64, len(at))
	for i, place := range at {
		if place >= 0 {
			old[i], p.now[place] = p.now[place], values[i]
		}
	}
	reached, err := p.task.reached(eager.FromFloats(p.task.Images, p.task.Images.DType(), p.now, p.shape...))
	for i, place := range at {
		if place >= 0 {
			p.now[place] = old[i]
		}
	}
	p.err = err
	return reached
}
