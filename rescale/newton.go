package rescale

import "math"

// mostSteps is how many steps Newton's method gets: more are a sign of breakpoints that it passes one by one.
const mostSteps = 12

// newton solves equation (1) for rows of float32 with p = 1 or 2 and one domain, in passes of vectors of float32 and a last one in float64.
// The line through a point of the concave F with its slope there meets eps^p before F does, so the factor rises to its end
// (spec 3B). It gives up, for selection in float64 to take over, where it takes many steps, where little is left between eps^p and what is
// clipped, and where anything is wrong with the row.
func (b *batch[E]) newton(row int, eps float64) (eta float64, ok bool) {
	x, isFloat32 := any(b.row(b.x, row)).([]float32)
	if !isFloat32 || !vectors() || b.o.P != 1 && b.o.P != 2 || b.o.Lows != nil || b.o.Weights != nil || b.o.Clip || eps == 0 || b.n < 64 {
		return 0, false
	}
	low, high := float32(b.o.Low), float32(b.o.High)
	delta, span := any(b.row(b.delta, row)).([]float32), b.o.High-b.o.Low
	if float64(low) != b.o.Low || float64(high) != b.o.High || span > math.MaxFloat32 {
		return 0, false
	}
	largest, fine := survey(x, delta, low, high)
	if !fine || largest < 0x1p-100 || largest > 0x1p100 {
		return 0, false
	}
	pass := func(eta float64) (clipped, free float64) {
		return split(x, delta, low, high, float32(eta), float32(1/float64(largest)), float32(1/span), b.o.P == 2)
	}
	root := func(t float64) float64 {
		if b.o.P == 2 {
			return math.Sqrt(t)
		}
		return t
	}
	target := eps / span
	if b.o.P == 2 {
		target *= target
	}
	_, free := pass(0)
	eta = root(target / free)
	for range mostSteps {
		clipped, free := pass(eta)
		next := root((target - clipped) / free)
		if !(free > 0) || !(next > eta*(1+1e-6)) {
			break
		}
		eta = next
	}
	// Sums in float64 give what float32 left open, in one step or two.
	for range 3 {
		clipped, free := exactly(x, delta, b.o.Low, b.o.High, eta*(1-1e-7), 1/float64(largest), 1/span, b.o.P == 2)
		if !(free > 0) || target-clipped < 1e-6*target {
			return 0, false
		}
		next := root((target - clipped) / free)
		if math.Abs(next-eta) <= 1e-9*eta {
			return next * span / float64(largest), true
		}
		eta = next
	}
	return 0, false
}

// blocks is how many elements are added in float32.
const blocks = 2048

func survey(x, delta []float32, low, high float32) (largest float32, ok bool) {
	done, largest, ok := surveyWide(x, delta, low, high)
	for i, d := range delta[done:] {
		v := x[done+i]
		ok = ok && v >= low && v <= high && d-d == 0
		largest = max(largest, d, -d)
	}
	return largest, ok
}

// split sums (s·scale)^p over the elements that eta clips and (|delta|·unit)^p over the others; eta is in these units.
func split(x, delta []float32, low, high, eta, unit, scale float32, square bool) (clipped, free float64) {
	done, clipped, free := splitWide(x, delta, low, high, eta, unit, scale, square)
	for i, d := range delta[done:] {
		room := x[done+i] - low
		if d >= 0 {
			room = high - x[done+i]
		}
		size, room := max(d, -d)*unit, room*scale
		value, sum := size, &free
		if eta*size >= room {
			value, sum = room, &clipped
		}
		if square {
			value *= value
		}
		*sum += float64(value)
	}
	return clipped, free
}

// exactly is split in float64.
func exactly(x, delta []float32, low, high, eta, unit, scale float64, square bool) (clipped, free float64) {
	done, clipped, free := exactlyWide(x, delta, low, high, eta, unit, scale, square)
	for i, d := range delta[done:] {
		v, d := float64(x[done+i]), float64(d)
		room := v - low
		if d >= 0 {
			room = high - v
		}
		size, room := max(d, -d)*unit, room*scale
		value, sum := size, &free
		if eta*size >= room {
			value, sum = room, &clipped
		}
		if square {
			value *= value
		}
		*sum += value
	}
	return clipped, free
}
