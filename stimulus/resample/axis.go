package resample

import "math"

// precision is the number of fraction bits of a weight: 32 bits less 8 for the pixel, 1 for the sign and 1 for sums above 255.
const precision = 22

// tap says how one output position is made along one axis.
type tap struct {
	first   int     // first source position
	weights []int32 // sum about 1<<precision; zeros at either end are cut off
	equal   bool    // all weights are the same
}

// copies tells that the output is the source pixel itself.
func (t tap) copies() bool { return len(t.weights) == 1 && t.weights[0] == 1<<precision }

// axisKey names what an axis depends on.
type axisKey struct {
	in, out int
	filter  Filter
}

// taps computes the weights for resizing in pixels to out pixels along one axis.
func taps(k axisKey) []tap {
	if k.filter == Nearest {
		return nearest(k.in, k.out)
	}
	scale := float64(k.in) / float64(k.out)
	stretch := max(scale, 1)
	support := k.filter.support() * stretch
	out := make([]tap, k.out)
	weights := make([]float64, 0, 2*int(math.Ceil(support))+1)
	for i := range out {
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
		out[i] = fixed(first, weights, sum)
	}
	return out
}

// fixed normalises weights and turns them into fixed point, rounded half away from zero.
func fixed(first int, weights []float64, sum float64) tap {
	t := tap{first: first, weights: make([]int32, len(weights)), equal: true}
	for i, w := range weights {
		if sum != 0 {
			w /= sum
		}
		t.weights[i] = int32(w*(1<<precision) + math.Copysign(0.5, w))
	}
	for len(t.weights) > 1 && t.weights[len(t.weights)-1] == 0 {
		t.weights = t.weights[:len(t.weights)-1]
	}
	for len(t.weights) > 1 && t.weights[0] == 0 {
		t.weights = t.weights[1:]
		t.first++
	}
	for _, w := range t.weights {
		t.equal = t.equal && w == t.weights[0]
	}
	return t
}

// nearest adds the step up again and again, as Pillow does, so that rounding errors fall on the same pixels.
func nearest(in, out int) []tap {
	step := float64(in) / float64(out)
	one := []int32{1 << precision}
	taps := make([]tap, out)
	at := step * 0.5
	for i := range taps {
		taps[i] = tap{first: min(int(at), in-1), weights: one, equal: true}
		at += step
	}
	return taps
}
