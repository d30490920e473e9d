package rescale

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// solution is the factor of a row.
type solution struct {
	eta     float64
	reached bool
}

// atTheLimit is how far eps may lie above the largest length, by rounding, and still count as it.
const atTheLimit = 1e-12

// solve finds the factor of a row.
func (b *batch[E]) solve(w *workspace, row int) (solution, error) {
	eps := b.length(row)
	if eta, ok := b.newton(row, eps); ok {
		return b.shrunk(solution{eta, true}), nil
	}
	if math.IsInf(b.o.P, 1) {
		s, err := b.infinite(row, eps)
		return b.shrunk(s), err
	}
	l, err := b.lay(w, row)
	if err != nil {
		return solution{}, err
	}
	return b.shrunk(l.selection(w, eps, b.o.P)), nil
}

// shrunk keeps the factor below 1 where that is asked for; a perturbation that is short enough stays as it is.
func (b *batch[E]) shrunk(s solution) solution {
	if b.o.Shrink && s.eta >= 1 {
		return solution{1, true}
	}
	return s
}

// element is what equation (1) needs of one that moves: the factor at which it is clipped, and its terms while free and once clipped.
type element struct {
	at, free, clipped float64
}

// layout is a row in float64, scaled: perturbations by their largest, rooms by theirs, so that powers neither overflow nor vanish.
type layout struct {
	elements    []element // of those that move, in the scaled units
	delta, room float64   // the scales
}

// lay checks a row and lays it out.
func (b *batch[E]) lay(w *workspace, row int) (layout, error) {
	x, delta := b.row(b.x, row), b.row(b.delta, row)
	l := layout{elements: w.elements[:0]}
	for i, d := range delta {
		room, size := b.room(i, float64(x[i]), float64(d)), math.Abs(float64(d))
		if !(room >= 0) || !(size <= math.MaxFloat64) || float64(x[i])-float64(x[i]) != 0 {
			if err := b.fault(row, i); err != nil {
				return l, err
			}
			room = max(room, 0)
		}
		if size == 0 || b.o.Weights != nil && b.o.Weights[i] == 0 {
			continue
		}
		weight := 1.0
		if b.o.Weights != nil {
			weight = b.o.Weights[i]
		}
		l.delta = max(l.delta, size)
		if !math.IsInf(room, 1) {
			l.room = max(l.room, room)
		}
		l.elements = append(l.elements, element{weight, size, room})
	}
	w.elements = l.elements
	if l.room == 0 {
		l.room = 1
	}
	l.power(b.o.P)
	return l, nil
}

// power turns weight, |delta| and s into what equation (1) needs.
func (l layout) power(p float64) {
	power := powerOf(p)
	for i, e := range l.elements {
		size, room := e.free/l.delta, e.clipped/l.room
		if l.delta < 0x1p-1022 { // the quotient of subnormal numbers is rounded; so is their product with a power of two, but not before
			size = e.free * 0x1p1000 / (l.delta * 0x1p1000)
		}
		l.elements[i] = element{room / size, e.at * power(size), e.at * power(room)}
	}
}

// powerOf returns x^p for x >= 0, without math.Pow where that is easy.
func powerOf(p float64) func(x float64) float64 {
	switch p {
	case 1:
		return func(x float64) float64 { return x }
	case 1.5:
		return func(x float64) float64 { return x * math.Sqrt(x) }
	case 2:
		return func(x float64) float64 { return x * x }
	case 3:
		return func(x float64) float64 { return x * x * x }
	case 4:
		return func(x float64) float64 { return x * x * (x * x) }
	}
	return func(x float64) float64 { return math.Pow(x, p) }
}

// room is how far an element can move in the direction of d.
func (b *batch[E]) room(i int, x, d float64) float64 {
	low, high := b.bounds(i)
	if d >= 0 {
		return high - x
	}
	return x - low
}

// fault says what is wrong with an element, if anything is: an image that Clip allows to leave its domain, or that rounding has moved, is not.
func (b *batch[E]) fault(row, i int) error {
	x, d := float64(b.row(b.x, row)[i]), float64(b.row(b.delta, row)[i])
	low, high := b.bounds(i)
	switch {
	case x-x != 0:
		return fmt.Errorf("rescale: sample %d, element %d: the image is %v; expected a finite number", row, i, x)
	case d-d != 0:
		return fmt.Errorf("rescale: sample %d, element %d: the perturbation is %v; expected a finite number", row, i, d)
	case !b.o.Clip && (x < low || x > high):
		return fmt.Errorf("rescale: sample %d, element %d: the image is %v, outside [%v, %v]; clip it first", row, i, x, low, high)
	}
	return nil
}

// selection solves equation (1) by selection: a pivot splits the elements whose side is not known; F at the pivot tells which side is settled.
// The work is proportional to the number of elements on average, whatever they are.
func (l layout) selection(w *workspace, eps, p float64) solution {
	if eps == 0 || len(l.elements) == 0 {
		return solution{0, eps == 0}
	}
	target := math.Pow(eps/l.room, p)
	end := l.end()
	if most := l.most(); target >= most*(1-atTheLimit*p) {
		return solution{end, target <= most*(1+atTheLimit*p)}
	}
	power := powerOf(p)
	random := rand.New(rand.NewPCG(uint64(len(l.elements)), 1))
	var clipped, free float64 // of the elements whose side is known
	for rest := l.elements; len(rest) > 0; {
		pivot := median(rest[random.IntN(len(rest))].at, rest[random.IntN(len(rest))].at, rest[random.IntN(len(rest))].at)
		low, high := partition(rest, pivot)
		w.visits += len(rest)
		var below, above float64
		for _, e := range rest[:low] {
			below += e.clipped
		}
		for _, e := range rest[low:] {
			above += e.free
		}
		if clipped+below+power(pivot)*(above+free) >= target {
			free += above
			rest = rest[:low]
			continue
		}
		clipped += below
		for _, e := range rest[low:high] {
			clipped += e.clipped
		}
		rest = rest[high:]
	}
	if free == 0 { // target is the limit, but for rounding
		return solution{end, true}
	}
	eta := math.Pow((target-clipped)/free, 1/p)
	return solution{min(eta*(l.room/l.delta), end), true}
}

// end is the smallest factor at which everything is clipped.
func (l layout) end() float64 {
	end := 0.0
	for _, e := range l.elements {
		end = max(end, e.at)
	}
	return end * (l.room / l.delta)
}

// most is the largest length^p.
func (l layout) most() float64 {
	most := 0.0
	for _, e := range l.elements {
		most += e.clipped
	}
	return most
}

func median(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }

// partition puts elements before the pivot first and those behind it last: [:low], equal ones [low:high], and [high:].
func partition(e []element, pivot float64) (low, high int) {
	high = len(e)
	for i := 0; i < high; {
		switch at := e[i].at; {
		case at < pivot:
			e[i], e[low] = e[low], e[i]
			low++
			i++
		case at > pivot:
			high--
			e[i], e[high] = e[high], e[i]
		default:
			i++
		}
	}
	return low, high
}

// infinite is the factor for p = +Inf (spec 3): that of the largest element of those with room for eps, or, without one, of those with
// most room.
func (b *batch[E]) infinite(row int, eps float64) (solution, error) {
	x, delta := b.row(b.x, row), b.row(b.delta, row)
	size, most, last, wanted := 0.0, 0.0, 0.0, eps*(1-atTheLimit)
	for i, d := range delta {
		room, moves := b.room(i, float64(x[i]), float64(d)), math.Abs(float64(d))
		if !(room >= 0) || !(moves <= math.MaxFloat64) || float64(x[i])-float64(x[i]) != 0 {
			if err := b.fault(row, i); err != nil {
				return solution{}, err
			}
			room = max(room, 0)
		}
		if moves == 0 {
			continue
		}
		if room >= wanted {
			size = max(size, moves)
		}
		switch {
		case room > most:
			most, last = room, moves
		case room == most:
			last = max(last, moves)
		}
	}
	switch {
	case eps == 0:
		return solution{0, true}, nil
	case size > 0:
		return solution{eps / size, true}, nil
	case most > 0:
		return solution{most / last, false}, nil
	}
	return solution{0, false}, nil
}
