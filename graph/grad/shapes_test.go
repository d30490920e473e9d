package grad

import (
	"slices"
	"testing"

	"visus/graph"
)

var shapeSpecimens = map[string]func(s *specimen){
	"Reshape": func(s *specimen) {
		shape := s.shape(1, 4)
		if s.yes("flat") {
			s.out(s.b.Op("Reshape", []graph.Value{s.smooth(-1, 1, shape...), s.b.Ints(-1)}))
			return
		}
		s.out(s.b.Op("Reshape", []graph.Value{s.smooth(-1, 1, shape...), s.b.Ints(0, 1, -1)}))
	},
	"Flatten": func(s *specimen) {
		shape := s.shape(1, 4)
		s.out(s.b.Flatten(s.smooth(-1, 1, shape...), s.number("axis", -len(shape), len(shape))))
	},
	"Squeeze": func(s *specimen) {
		x := s.smooth(-1, 1, s.number("first", 1, 3), 1, s.number("third", 2, 3), 1)
		if s.yes("all") {
			s.out(s.b.Op("Squeeze", []graph.Value{x}))
			return
		}
		s.out(s.b.Op("Squeeze", []graph.Value{x, s.b.Ints(-1)}))
	},
	"Unsqueeze": func(s *specimen) {
		s.out(s.b.Op("Unsqueeze", []graph.Value{s.smooth(-1, 1, s.shape(1, 3)...), s.b.Ints(0, -1)}))
	},
	"Transpose": func(s *specimen) {
		shape := s.shape(1, 4)
		if s.yes("reversed") {
			s.out(s.b.Op("Transpose", []graph.Value{s.smooth(-1, 1, shape...)}))
			return
		}
		s.out(s.b.Op("Transpose", []graph.Value{s.smooth(-1, 1, shape...)}, attribute("perm", integers(s.random.Perm(len(shape))))))
	},
	"Concat": func(s *specimen) {
		shape := s.shape(1, 3)
		axis := s.number("axis", 0, len(shape)-1)
		var parts []graph.Value
		for range s.number("parts", 1, 3) {
			part := slices.Clone(shape)
			part[axis] = s.number("length", 1, 3)
			parts = append(parts, s.smooth(-1, 1, part...))
		}
		s.out(s.b.Op("Concat", parts, attribute("axis", int64(axis-s.number("from the end", 0, 1)*len(shape)))))
	},
	"Split": func(s *specimen) {
		shape := s.shape(1, 3)
		axis := s.number("axis", 0, len(shape)-1)
		shape[axis] = 5
		attributes := []graph.Attribute{attribute("axis", int64(axis))}
		inputs := []graph.Value{s.smooth(-1, 1, shape...)}
		if s.yes("sizes") {
			inputs = append(inputs, s.b.Ints(1, 3, 1))
		} else {
			attributes = append(attributes, attribute("num_outputs", int64(3)))
		}
		parts := s.b.Ops("Split", 3, inputs, attributes...)
		s.out(parts[s.number("first", 0, 2):]...)
	},
	"Slice": func(s *specimen) {
		shape := []int{s.number("height", 1, 7), 2, s.number("width", 1, 7)}
		var starts, ends, steps []int64
		for range 2 {
			starts, ends = append(starts, int64(s.number("start", -9, 9))), append(ends, int64(s.number("end", -9, 9)))
			steps = append(steps, int64(pick(s, "step", -3, -2, -1, 1, 2, 3)))
		}
		s.out(s.b.Op("Slice", []graph.Value{s.smooth(-1, 1, shape...), s.b.Ints(starts...), s.b.Ints(ends...), s.b.Ints(0, -1), s.b.Ints(steps...)}))
	},
	"Pad": func(s *specimen) {
		x := s.smooth(-1, 1, 2, s.number("height", 4, 6), s.number("width", 4, 6))
		mode := pick(s, "mode", "constant", "reflect", "edge", "wrap")
		inputs := []graph.Value{x, s.b.Ints(int64(s.number("top", -1, 2)), int64(s.number("left", -1, 2)), int64(s.number("bottom", -1, 2)),
			int64(s.number("right", -1, 2))), {}, s.b.Ints(1, -1)}
		if mode == "wrap" || mode == "constant" && s.yes("all axes") {
			inputs = []graph.Value{x, s.b.Ints(0, int64(s.number("top", 0, 2)), 1, 0, 0, 2), {}}
		}
		if mode == "constant" && s.yes("value") {
			inputs[2] = s.smooth(-1, 1)
		}
		s.out(s.b.Op("Pad", inputs, attribute("mode", mode)))
	},
	"Expand": func(s *specimen) {
		a, b := broadcasting(s)
		s.out(s.b.Op("Expand", []graph.Value{s.smooth(-1, 1, a...), list(s.b, b)}))
	},
	"Tile": func(s *specimen) {
		shape := s.shape(1, 3)
		repeats := make([]int64, len(shape))
		for i := range repeats {
			repeats[i] = int64(s.number("repeats", 1, 3))
		}
		s.out(s.b.Op("Tile", []graph.Value{s.smooth(-1, 1, shape...), s.b.Ints(repeats...)}))
	},
	"Trilu": func(s *specimen) {
		inputs := []graph.Value{s.smooth(-1, 1, append(s.shape(0, 2), 3, s.number("width", 2, 4))...)}
		if s.yes("diagonal") {
			inputs = append(inputs, s.b.Scalar(s.b.Ints(0).Type, float64(s.number("k", -2, 2))))
		}
		s.out(s.b.Op("Trilu", inputs, attribute("upper", int64(s.number("upper", 0, 1)))))
	},
	"DepthToSpace": func(s *specimen) {
		block := s.number("block", 1, 3)
		x := s.smooth(-1, 1, 2, 2*block*block, s.number("height", 1, 3), s.number("width", 1, 3))
		mode := pick(s, "mode", "DCR", "CRD")
		s.out(s.b.Op("DepthToSpace", []graph.Value{x}, attribute("blocksize", int64(block)), attribute("mode", mode)))
	},
	"SpaceToDepth": func(s *specimen) {
		block := s.number("block", 1, 3)
		x := s.smooth(-1, 1, 2, 2, block*s.number("height", 1, 3), block*s.number("width", 1, 3))
		s.out(s.b.Op("SpaceToDepth", []graph.Value{x}, attribute("blocksize", int64(block))))
	},
}

// TestShapesSecond: gradients of moved entries can be differentiated again. A square makes the gradient depend on the input.
func TestShapesSecond(t *testing.T) {
	for _, op := range []string{"Pad", "Tile", "DepthToSpace", "Split"} {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, shapeSpecimens[op]) })
	}
}
