package resample

import "math"

// precision is the number of fraction bits of a weight: 32 bits less 8 for the pixel, 1 for the sign and 1 for sums above 255.
const precision = 22

// axis says how the positions along one axis are made: position i is the sum of the source positions from first[i] on, weighed by
// weights[start[i]:start[i+1]], whose sum is about 1<<precision. Zero weights at either end are cut off.
type axis struct {
	first, start, weights []int32
	copies                bool // every position is one source position
}

// axisKey names what an axis depends on.
type axisKey struct {
	in, out int
	filter  Filter
}

func (a *axis) len() int { return len(a.first) }

// taps returns where position i starts and its weights.
func (a *axis) taps(i int) (first int, weights []int32) {
	return int(a.first[i]), a.weights[a.start[i]:a.start[i+1]]
}

// newAxis computes the weights for resizing in pixels to out pixels.
func newAxis(k axisKey) *axis {
	a := &axis{start: make([]int32, 1, k.out+1)}
	if k.filter == Nearest {
		a.nearest(k.in, k.out)
	} else {
		a.filtered(k)
	}
	a.copies = len(a.weights) == k.out
	for _, w := range a.weights {
		a.copies = a.copies && w == 1<<precision
	}
	return a
}

func (a *axis) filtered(k axisKey) {
	scale := float64(k.in) / float64(k.out)
	stretch := max(scale, 1)
	support := k.filter.support() * stretch
	weights := make([]float64, 0, 2*int(math.Ceil(support))+1)
	for i := range k.out {
		centre := (float64(i) + 0.5) * scale
		first := max(int(centre-support+0.5), 0)
		end := min(int(centre+support+0.5), k.in)
		weights = weights[:0]
		sum := 0.0
		for x := first; x < end; x++ {
			w := k.filter.weight((float64(x) - centre + 0.5) * (1 / stretch))
			weights = append(weights, w)
			sum += w
		}
		a.add(first, weights, sum)
	}
}

// add normalises weights and turns them into fixed point, rounded half away from zero.
func (a *axis) add(first int, weights []float64, sum float64) {
	from := len(a.weights)
	for _, w := range weights {
		if sum != 0 {
			w /= sum
		}
		v := int32(w*(1<<precision) + math.Copysign(0.5, w))
		if v == 0 && len(a.weights) == from {
			first++
			continue
		}
		a.weights = append(a.weights, v)
	}
	for len(a.weights) > from+1 && a.weights[len(a.weights)-1] == 0 {
		a.weights = a.weights[:len(a.weights)-1]
	}
	a.first = append(a.first, int32(first))
	a.start = append(a.start, int32(len(a.weights)))
}

// nearest adds the step up again and again, as Pillow does, so that rounding errors fall on the same pixels.
func (a *axis) nearest(in, out int) {
	step := float64(in) / float64(out)
	at := step * 0.5
	for i := range out {
		a.first = append(a.first, int32(min(int(at), in-1)))
		a.start = append(a.start, int32(i+1))
		a.weights = append(a.weights, 1<<precision)
		at += step
	}
}
