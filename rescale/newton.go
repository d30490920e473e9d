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
	if !isFloat32 || b.o.P != 1 && b.o.P != 2 || b.o.Lows != nil || b.o.Weights != nil || b.o.Clip || eps == 0 || b.n < 64 {
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
	// Sums in float64 give what float32 left open: at once where no element is clipped between the two ends, since F is a line there.
	for range 3 {
		low, high := eta*(1-1e-7), eta*(1+1e-6)
		clipped, free, between := exactly(x, delta, b.o.Low, b.o.High, low, high, 1/float64(largest), 1/span, b.o.P == 2)
		if !(free > 0) || target-clipped < 1e-6*target {
			return 0, false
		}
		next := root((target - clipped) / free)
		if between == 0 && low <= next && next <= high || math.Abs(next-eta) <= 1e-9*eta {
			return next * span / float64(largest), true
		}
		eta = next
	}
	return 0, false
}

// blocks is how many elements are added in float32.
const blocks = 2048

// survey returns the largest magnitude of delta, and whether everything is finite and within bounds.
func survey(x, delta []float32, low, high float32) (largest float32, ok bool) {
	done, largest, ok := surveyWide(x, delta, low, high)
	x, delta = x[done:], delta[done:]
	most := math.Float32bits(largest)
	for i, d := range delta {
		ok = ok && x[i] >= low && x[i] <= high
		most = max(most, math.Float32bits(d)&^(1<<31)) // infinities and NaN are the largest
	}
	largest = math.Float32frombits(most)
	return largest, ok && largest-largest == 0
}

// split sums (s·scale)^p over the elements that eta clips and (|delta|·unit)^p over the others; eta is in these units. Which of the two an element
// is, is nobody's guess, so there are no branches on it.
func split(x, delta []float32, low, high, eta, unit, scale float32, square bool) (clipped, free float64) {
	done, clipped, free := splitWide(x, delta, low, high, eta, unit, scale, square)
	ends := [2]float32{high, low}
	if square {
		eta *= eta
	}
	x, delta = x[done:], delta[done:]
	for i, d := range delta {
		room, size := (ends[math.Float32bits(d)>>31]-x[i])*scale, d*unit
		if square {
			room, size = room*room, size*size
		} else {
			room, size = magnitude(room), magnitude(size)
		}
		most, value := math.Float32bits(room), math.Float32bits(size)
		moves := uint32(int32(math.Float32bits(size*eta)-most) >> 31) // all bits where size·eta < room: numbers without sign are ordered as their bits are
		clipped += float64(math.Float32frombits(most &^ moves))
		free += float64(math.Float32frombits(value & moves))
	}
	return clipped, free
}

func magnitude(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// exactly is split in float64. It counts the elements between that are not clipped by eta but by a larger factor.
func exactly(x, delta []float32, low, high, eta, larger, unit, scale float64, square bool) (clipped, free float64, between int) {
	done, clipped, free, between := exactlyWide(x, delta, low, high, eta, larger, unit, scale, square)
	ends := [2]float64{high, low}
	x, delta = x[done:], delta[done:]
	for i, d := range delta {
		room := math.Abs(ends[math.Float32bits(d)>>31]-float64(x[i])) * scale
		size := math.Abs(float64(d)) * unit
		most, value := math.Float64bits(room), math.Float64bits(size)
		moves := uint64(int64(math.Float64bits(size*eta)-most) >> 63)
		between += int(int64(moves&^uint64(int64(math.Float64bits(size*larger)-most)>>63)) & 1)
		if square {
			most, value = math.Float64bits(room*room), math.Float64bits(size*size)
		}
		clipped += math.Float64frombits(most &^ moves)
		free += math.Float64frombits(value & moves)
	}
	return clipped, free, between
}
