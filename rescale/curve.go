package rescale

import (
	"fmt"
	"math"
	"slices"
)

// Point is a factor and the length that it gives.
type Point struct{ Eta, Norm float64 }

// Curve returns the length after clipping as a function of the factor, for one image: a point for each factor at which an element is clipped,
// in rising order, from (0, 0) to the one that clips everything that has a bound. Between two points the length^p is linear in the
// factor^p; for p = +Inf the length rises with the largest element that is free.
func Curve[E number](x, delta []E, o Options) ([]Point, error) {
	b, err := prepare(make([]float64, 1), x, delta, []float64{0}, o)
	if err != nil {
		return nil, err
	}
	p := b.o.P
	if math.IsInf(p, 1) {
		b.o.P = 1 // the breakpoints are those of any norm
	}
	l, err := b.lay(&workspace{}, 0)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(l.elements, func(a, b element) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	if math.IsInf(p, 1) {
		return l.tops(), nil
	}
	free, clipped, power := make([]float64, len(l.elements)+1), 0.0, powerOf(p)
	for i := len(l.elements) - 1; i >= 0; i-- { // sums from the end: subtracting from the whole would leave nothing but rounding
		free[i] = free[i+1] + l.elements[i].free
	}
	out := []Point{{}}
	for i, e := range l.elements {
		if math.IsInf(e.at, 1) {
			break
		}
		clipped += e.clipped
		out = append(out, Point{e.at * l.room / l.delta, l.room * math.Pow(clipped+free[i+1]*power(e.at), 1/p)})
	}
	return out, nil
}

// tops is the curve of the largest element; those that are free grow, the largest that was clipped stays.
func (l layout) tops() []Point {
	largest := make([]float64, len(l.elements)+1) // |delta| of those from here on
	for i := len(l.elements) - 1; i >= 0; i-- {
		largest[i] = max(largest[i+1], l.elements[i].free)
	}
	out, clipped := []Point{{}}, 0.0
	for i, e := range l.elements {
		if math.IsInf(e.at, 1) {
			break
		}
		clipped = max(clipped, e.clipped)
		out = append(out, Point{e.at * l.room / l.delta, l.room * max(clipped, largest[i+1]*e.at)})
	}
	return out
}

// At returns the length that a factor gives on a curve for the norm p.
func At(curve []Point, eta, p float64) (float64, error) {
	i := slices.IndexFunc(curve, func(c Point) bool { return c.Eta >= eta })
	switch {
	case !(eta >= 0) || len(curve) == 0:
		return 0, fmt.Errorf("rescale: the factor is %v; expected 0 or more and a curve", eta)
	case i < 0:
		return curve[len(curve)-1].Norm, nil
	case i == 0 || curve[i].Eta == eta:
		return curve[i].Norm, nil
	case math.IsInf(p, 1):
		return min(curve[i].Norm, max(curve[i-1].Norm, curve[i].Norm/curve[i].Eta*eta)), nil
	}
	low, high := curve[i-1], curve[i]
	power := powerOf(p)
	share := (power(eta) - power(low.Eta)) / (power(high.Eta) - power(low.Eta))
	return math.Pow(power(low.Norm)+share*(power(high.Norm)-power(low.Norm)), 1/p), nil
}
