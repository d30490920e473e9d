package rescale

import "math"

// apply writes the clipped perturbed row and reports on it.
func (b *batch[E]) apply(v []E, row int, s solution) Report {
	eps, eta := b.length(row), s.eta
	r := b.write(v, row, eta)
	for step := 0x1p-23; b.o.AtMost && r.Norm > eps && eta > 0; step *= 8 { // one rounding is enough, but for lengths near 0
		eta = s.eta * max(1-step, 0)
		r = b.write(v, row, eta)
	}
	r.Eta, r.Reached = eta, s.reached
	return r
}

// sums are what a row is measured by: of the powers of what moved and of the rooms, or their largest where p is +Inf.
type sums struct {
	norm, most float64
	clipped    int
}

// write fills the row for a factor and measures what it wrote. v may be x or delta, which are read before.
func (b *batch[E]) write(v []E, row int, eta float64) Report {
	scale := b.scale(row, eta)
	total, done := b.writeWide(v, row, eta, scale)
	x, delta, out := b.row(b.x, row), b.row(b.delta, row), b.row(v, row)
	power, infinite := powerOf(b.o.P), math.IsInf(b.o.P, 1)
	for i := done; i < b.n; i++ {
		low, high := b.bounds(i)
		d, before := float64(delta[i]), min(max(float64(x[i]), low), high)
		after := E(min(max(before+eta*d, low), high))
		out[i] = after
		if d == 0 {
			continue
		}
		room, moved := max(b.room(i, before, d), 0), math.Abs(float64(after)-before)
		if eta*math.Abs(d) >= room {
			total.clipped++
		}
		if infinite {
			total.norm, total.most = max(total.norm, moved), max(total.most, room)
			continue
		}
		weight := 1.0
		if b.o.Weights != nil {
			weight = b.o.Weights[i]
		}
		total.norm += weight * power(moved/scale)
		total.most += weight * power(room/scale)
	}
	r := Report{Norm: total.norm, Largest: total.most, Clipped: float64(total.clipped) / float64(b.n)}
	if !infinite {
		r.Norm, r.Largest = math.Pow(total.norm, 1/b.o.P)*scale, math.Pow(total.most, 1/b.o.P)*scale
	}
	return r
}

// scale is what lengths are divided by, so that their powers stay in range: the width of the domain, or of what moves where that is infinite.
func (b *batch[E]) scale(row int, eta float64) float64 {
	if span := b.o.High - b.o.Low; b.o.Lows == nil && !math.IsInf(span, 1) {
		return span
	}
	scale := 0.0
	for _, d := range b.row(b.delta, row) {
		scale = max(scale, math.Abs(eta*float64(d)))
	}
	if scale == 0 {
		return 1
	}
	return scale
}

// writeWide does what write does with vectors, for the first done elements of a row of float32.
func (b *batch[E]) writeWide(v []E, row int, eta, scale float64) (total sums, done int) {
	x, isFloat32 := any(b.row(b.x, row)).([]float32)
	if !isFloat32 || b.o.Lows != nil || b.o.Weights != nil || b.o.P != 1 && b.o.P != 2 {
		return sums{}, 0
	}
	return applyWide(any(b.row(v, row)).([]float32), x, any(b.row(b.delta, row)).([]float32), b.o.Low, b.o.High, eta, 1/scale, b.o.P == 2)
}
