package attack

import (
	"cmp"
	"context"
	"math"

	"visus/eager"
)

// Spatial turns and shifts images (Engstrom et al. 2019). Distances mean little to it: look at what it returned, Raw.
type Spatial[T eager.Eager[T]] struct {
	Shift    float64 // pixels, both ways; 0 means 3
	Turn     float64 // degrees, both ways; 0 means 30
	Grid     int     // places along each of the three; 0 means 5
	Random   int     // draws instead of the grid
	Channels int     // the axis of the colours, 1 or 3; 0 means 1
}

// Norm is LInf.
func (Spatial[T]) Norm() Norm { return LInf }

// Search tries the grid, or draws, and keeps the first success of each image.
func (a Spatial[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	k := begun(t)
	for _, m := range a.moves(t) {
		if ctx.Err() != nil || k.done() {
			break
		}
		k.try(t, warp(t.Images, cmp.Or(a.Channels, 1), m))
	}
	return stopped(ctx, k.x)
}

// motion is a turn, in radians, and a shift, in pixels.
type motion struct{ turn, dx, dy float64 }

func (a Spatial[T]) moves(t Task[T]) (out []motion) {
	shift, turn := cmp.Or(a.Shift, 3), cmp.Or(a.Turn, 30)*math.Pi/180
	for range a.Random {
		draw := func(most float64) float64 { return most * (2*t.Random.Float64() - 1) }
		out = append(out, motion{draw(turn), draw(shift), draw(shift)})
	}
	if a.Random > 0 {
		return out
	}
	n := cmp.Or(a.Grid, 5)
	along := func(i int, most float64) float64 { return most * (2*float64(i)/math.Max(float64(n-1), 1) - 1) }
	for i := range n {
		for j := range n {
			for l := range n {
				out = append(out, motion{along(i, turn), along(j, shift), along(l, shift)})
			}
		}
	}
	return out
}

// warp moves images [n, c, h, w] or [n, h, w, c], bilinearly, with zeros around them; corners of the grid are the centres of corner pixels.
func warp[T eager.Eager[T]](x T, channels int, m motion) T {
	shape := x.Shape()
	if len(shape) != 4 {
		return x.Fail(eager.Errorf("spatial", eager.ErrShape, "expected images with two sides and colours, found shape %v", shape))
	}
	if channels == 3 {
		return eager.Transpose(warp(eager.Transpose(x, 0, 3, 1, 2), 1, m), 0, 2, 3, 1)
	}
	height, width := shape[2], shape[3]
	var places, weights [4][]float64
	sin, cos := math.Sincos(m.turn)
	for i := range height {
		for j := range width {
			u, v := 2*float64(j)/math.Max(float64(width-1), 1)-1, 2*float64(i)/math.Max(float64(height-1), 1)-1
			px := (cos*u - sin*v + m.dx/(float64(height)/2) + 1) / 2 * float64(width-1)
			py := (sin*u + cos*v + m.dy/(float64(width)/2) + 1) / 2 * float64(height-1)
			left, top := math.Floor(px), math.Floor(py)
			for corner := range 4 {
				cx, cy := left+float64(corner%2), top+float64(corner/2)
				weight := (1 - math.Abs(px-cx)) * (1 - math.Abs(py-cy))
				if cx < 0 || cy < 0 || cx >= float64(width) || cy >= float64(height) {
					cx, cy, weight = 0, 0, 0
				}
				places[corner], weights[corner] = append(places[corner], cy*float64(width)+cx), append(weights[corner], weight)
			}
		}
	}
	flat := eager.Reshape(x, shape[0], shape[1], height*width)
	out := eager.ZerosLike(flat)
	for corner := range 4 {
		part := flat.Gather(2, index(flat, places[corner]))
		out = eager.Add(out, eager.Mul(part, eager.FromFloats(x, x.DType(), weights[corner], height*width)))
	}
	return eager.Reshape(out, shape...)
}

// Blur blurs images with a Gaussian, as little as is enough.
type Blur[T eager.Eager[T]] struct {
	Metric   Norm
	Steps    int     // 0 means 1,000
	Most     float64 // the largest sigma, in pixels; 0 means the longer side
	Channels int     // the axis of the colours, 1 or 3; 0 means 1
}

// Norm is the metric that distances are told in.
func (a Blur[T]) Norm() Norm { return a.Metric }

// Search raises sigma until all images reach the goal.
func (a Blur[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	shape, steps := t.Images.Shape(), cmp.Or(a.Steps, 1000)
	if len(shape) != 4 {
		return t.Images.Fail(eager.Errorf("blur", eager.ErrShape, "expected images with two sides and colours, found shape %v", shape))
	}
	sides := [2]int{2, 3}
	if a.Channels == 3 {
		sides = [2]int{1, 2}
	}
	most := cmp.Or(a.Most, float64(max(shape[sides[0]], shape[sides[1]])))
	k := begun(t)
	for i := 1; i <= steps && !k.done() && ctx.Err() == nil; i++ {
		x := t.Images
		for _, axis := range sides {
			x = smooth(x, axis, most*float64(i)/float64(steps))
		}
		k.try(t, eager.Clip(x, low, high))
	}
	return stopped(ctx, k.x)
}

// smooth convolves an axis with a Gaussian cut at four sigma; beyond its ends the axis is mirrored, its last element twice.
func smooth[T eager.Tensor[T]](x T, axis int, sigma float64) T {
	shape := x.Shape()
	n, radius := shape[axis], int(4*sigma+0.5)
	matrix, total := make([]float64, n*n), 0.0
	for d := -radius; d <= radius; d++ {
		total += math.Exp(-0.5 * float64(d*d) / (sigma * sigma))
	}
	for i := range n {
		for d := -radius; d <= radius; d++ {
			at := ((i+d)%(2*n) + 2*n) % (2 * n)
			matrix[min(at, 2*n-1-at)*n+i] += math.Exp(-0.5*float64(d*d)/(sigma*sigma)) / total
		}
	}
	order, back := []int{}, make([]int, len(shape))
	for i := range shape {
		if i != axis {
			order = append(order, i)
		}
	}
	order = append(order, axis)
	for i, o := range order {
		back[o] = i
	}
	moved := x.Transpose(order)
	product := eager.Reshape(moved, -1, n).MatMul(eager.FromFloats(x, x.DType(), matrix, n, n))
	return eager.Reshape(product, moved.Shape()...).Transpose(back)
}

// Binarization sets each element of images that reach the goal as near to the image's as a model that first compares with a threshold cannot
// tell apart.
type Binarization[T eager.Eager[T]] struct {
	Metric    Norm
	Threshold float64 // 0 means the middle of the bounds; it belongs to the upper side
	Begin     *T      // images that reach the goal; nil: BlendedNoise finds some
}

// Norm is the metric that distances are told in.
func (a Binarization[T]) Norm() Norm { return a.Metric }

// Search refines. It is an error where the model tells the refined images from the start: it has another threshold.
func (a Binarization[T]) Search(ctx context.Context, t Task[T], _ float64) T {
	low, high := t.Model.Bounds()
	begin, broken := beginning(ctx, t, a.Begin)
	x := t.Images
	upper := cmp.Or(a.Threshold, (low+high)/2)
	lower := math.Nextafter(upper, low)
	if x.DType() == eager.Float32 {
		lower = float64(math.Nextafter32(float32(upper), float32(low)))
	}
	above, startsAbove := eager.GreaterEqualScalar(x, upper), eager.GreaterEqualScalar(begin, upper)
	other := startsAbove.Where(eager.FullLike(x, upper), eager.FullLike(x, lower))
	refined := eager.Equal(above, startsAbove).Where(x, other)
	same, err := truths(eager.Equal(broken, t.Goal.Reached(refined, t.Model.Logits(refined))))
	if err == nil && !all(same) {
		err = eager.Errorf("binarization", eager.ErrEngine, "the model tells refined images apart: %v is not its threshold", upper)
	}
	if err != nil {
		return x.Fail(err)
	}
	return refined
}
