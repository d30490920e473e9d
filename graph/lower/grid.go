package lower

import (
	"fmt"

	"visus/graph"
	"visus/tensor"
)

// gridSampleGrad: an output is Σ over the corners around a place of weight·x[corner], for nearest the one closest entry. x's gradient is scattered to
// the corners; the grid's is, along each axis, Σ over corners of ±(product of the other axes' weights)·Σ_c dy·x[corner].
func gridSampleGrad(b *graph.Builder, c call) []graph.Value {
	mode := c.Text("mode", "bilinear")
	if mode == "cubic" || mode == "bicubic" {
		b.Fail(c.Op, fmt.Errorf("mode %q has no gradient yet, expected linear or nearest", mode))
		return nil
	}
	s := sampling{
		b: b, x: c.x[0], grid: c.x[1], nearest: mode == "nearest", padding: c.Text("padding_mode", "zeros"), corners: c.Int("align_corners", 0) != 0,
	}
	shape := sizes(s.x)
	s.samples, s.channels, s.spatial = shape[0], shape[1], shape[2:]
	s.places = elements(sizes(s.grid)[1:]) / len(s.spatial)
	dy := reshape(b, c.x[2], s.samples, s.channels, s.places)
	dx, dgrid := s.gradients(dy)
	return []graph.Value{reshape(b, dx, shape...), reshape(b, dgrid, sizes(s.grid)...)}
}

// sampling is one GridSample; arrays over the places are [N, 1, places].
type sampling struct {
	b                         *graph.Builder
	x, grid                   graph.Value
	nearest, corners          bool
	padding                   string
	samples, channels, places int
	spatial                   []int
}

func (s *sampling) op(name string, inputs ...graph.Value) graph.Value { return s.b.Op(name, inputs) }

func (s *sampling) number(v float64) graph.Value { return s.b.Scalar(s.x.Type, v) }

// side is one of the two entries that a place lies between along an axis.
type side struct {
	index, weight, inside graph.Value // inside is 0 where the entry is padding, a zero Value where none can be
	sign                  float64     // of the weight's derivative by the place
}

func (s *sampling) gradients(dy graph.Value) (dx, dgrid graph.Value) {
	b := s.b
	sides, slopes := make([][]side, len(s.spatial)), make([]graph.Value, len(s.spatial))
	for i := range s.spatial {
		sides[i], slopes[i] = s.axis(i)
	}
	x := reshape(b, s.x, s.samples, s.channels, elements(s.spatial))
	var indices, values []graph.Value
	moves := make([][]graph.Value, len(s.spatial)) // terms of the grid's gradient, an axis each
	for _, corner := range combinations(sides) {
		index, weight := s.corner(corner)
		wide := b.Op("Expand", []graph.Value{index, b.Ints(int64(s.samples), int64(s.channels), int64(s.places))})
		indices, values = append(indices, wide), append(values, s.op("Mul", dy, weight))
		if s.nearest {
			continue
		}
		seen := b.Op("GatherElements", []graph.Value{x, wide}, attribute("axis", int64(2)))
		pull := sum(b, s.op("Mul", dy, seen), true, 1)
		for i := range corner {
			moves[i] = append(moves[i], s.move(corner, i, pull))
		}
	}
	dx = AddAt(b, concat(b, 2, values), concat(b, 2, indices), 2, sizes(x))
	if s.nearest {
		return dx, b.Op("ConstantOfShape", []graph.Value{b.Ints(int64s(sizes(s.grid)...)...)}, attribute("value", tensor.New(s.x.Type, 1)))
	}
	var parts []graph.Value
	for i := len(s.spatial) - 1; i >= 0; i-- { // the grid names the last axis first
		d := moves[i][0]
		for _, term := range moves[i][1:] {
			d = s.op("Add", d, term)
		}
		parts = append(parts, reshape(b, s.op("Mul", d, slopes[i]), s.samples, s.places, 1))
	}
	return dx, concat(b, 2, parts)
}

// combinations lists the corners: one side of each axis.
func combinations(sides [][]side) [][]side {
	out := [][]side{{}}
	for _, choice := range sides {
		var next [][]side
		for _, head := range out {
			for _, c := range choice {
				next = append(next, append(append([]side{}, head...), c))
			}
		}
		out = next
	}
	return out
}

// corner returns a corner's place in the flattened spatial axes and its weight, 0 where it is padding.
func (s *sampling) corner(sides []side) (index, weight graph.Value) {
	for i, c := range sides {
		if i == 0 {
			index, weight = c.index, c.weight
		} else {
			index = s.op("Add", s.op("Mul", index, s.b.Scalar(tensor.Int64, float64(s.spatial[i]))), c.index)
			weight = s.op("Mul", weight, c.weight)
		}
		if c.inside.Name != "" {
			weight = s.op("Mul", weight, c.inside)
		}
	}
	return index, weight
}

// move is the derivative of a corner's term by the place along one axis.
func (s *sampling) move(corner []side, along int, pull graph.Value) graph.Value {
	v := s.op("Mul", pull, s.number(corner[along].sign))
	for i, c := range corner {
		if i != along {
			v = s.op("Mul", v, c.weight)
		}
		if c.inside.Name != "" {
			v = s.op("Mul", v, c.inside)
		}
	}
	return v
}

// axis finds the entries around each place along an axis, and the derivative of the place by the grid.
func (s *sampling) axis(i int) (sides []side, slope graph.Value) {
	size := float64(s.spatial[i])
	column := s.b.Op("Gather", []graph.Value{reshape(s.b, s.grid, s.samples, s.places, len(s.spatial)), s.b.Ints(int64(len(s.spatial) - 1 - i))}, attribute("axis", int64(2)))
	g := reshape(s.b, column, s.samples, 1, s.places)
	factor := size / 2 // from -1...1 to the outer edges of the entries
	at := s.op("Sub", s.op("Mul", s.op("Add", g, s.number(1)), s.number(factor)), s.number(0.5))
	if s.corners { // to the centres of the outer entries
		factor = (size - 1) / 2
		at = s.op("Mul", s.op("Add", g, s.number(1)), s.number(factor))
	}
	slope = s.number(factor)
	switch s.padding {
	case "border":
		at, slope = s.clip(at, slope, size)
	case "reflection":
		at, slope = s.reflect(at, slope, size)
		at, slope = s.clip(at, slope, size)
	}
	if s.nearest {
		return []side{s.side(s.op("Round", at), s.number(1), 0, size)}, slope // halves to even, as ONNX Runtime
	}
	low := s.op("Floor", at)
	far := s.op("Sub", at, low)
	return []side{
		s.side(low, s.op("Sub", s.number(1), far), -1, size),
		s.side(s.op("Add", low, s.number(1)), far, 1, size),
	}, slope
}

// side bounds an entry to the input.
func (s *sampling) side(at, weight graph.Value, sign, size float64) side {
	bounded := s.op("Min", s.op("Max", at, s.number(0)), s.number(size-1))
	out := side{index: convert(s.b, bounded, tensor.Int64), weight: weight, sign: sign}
	out.inside = s.truth(s.op("Equal", at, bounded)) // border and reflection only pass by the last entry with weight 0
	return out
}

func (s *sampling) truth(condition graph.Value) graph.Value {
	return convert(s.b, condition, s.x.Type)
}

// clip holds places inside of the input; where it does, and at the borders themselves, nothing moves.
func (s *sampling) clip(at, slope graph.Value, size float64) (clipped, moving graph.Value) {
	free := s.op("And", s.op("Greater", at, s.number(0)), s.op("Less", at, s.number(size-1)))
	return s.op("Min", s.op("Max", at, s.number(0)), s.number(size-1)), s.op("Mul", slope, s.truth(free))
}

// reflect turns places back at the borders as often as it takes: the distance from the first border, modulo there and back.
func (s *sampling) reflect(at, slope graph.Value, size float64) (reflected, moving graph.Value) {
	border, span := -0.5, size
	if s.corners {
		border, span = 0, size-1
	}
	if span == 0 {
		zero := s.op("Mul", at, s.number(0))
		return zero, s.op("Mul", slope, zero)
	}
	from := s.op("Sub", at, s.number(border))
	distance := s.op("Abs", from)
	phase := s.b.Op("Mod", []graph.Value{distance, s.number(2 * span)}, attribute("fmod", int64(1)))
	returning := s.op("Greater", phase, s.number(span))
	back := s.op("Sub", s.number(2*span), phase)
	v := s.op("Add", s.op("Where", returning, back, phase), s.number(border))
	way := s.op("Where", s.op("Less", from, s.number(0)), s.number(-1), s.number(1))
	return v, s.op("Mul", slope, s.op("Where", returning, s.op("Neg", way), way))
}
