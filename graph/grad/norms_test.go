package grad

import (
	"testing"

	"visus/graph"
)

// normSpecimens draw normalisations of small arrays with every attribute.
var normSpecimens = map[string]func(s *specimen){
	"BatchNormalization": func(s *specimen) {
		shape := append([]int{3, 2}, s.shape(0, 3)...)
		inputs := []graph.Value{s.smooth(-1, 1, shape...), s.smooth(0.5, 2, 2), s.smooth(-1, 1, 2), s.smooth(-1, 1, 2), s.smooth(0.5, 2, 2)}
		epsilon := attribute("epsilon", pick(s, "epsilon", float32(1e-5), 0.1))
		if !s.yes("training") {
			s.out(s.b.Op("BatchNormalization", inputs, epsilon))
			return
		}
		y := s.b.Ops("BatchNormalization", 3, inputs, epsilon, attribute("training_mode", int64(1)), attribute("momentum", float32(0.8)))
		s.out(y...)
	},
	"visus.BatchNormGrad": func(s *specimen) {
		shape := append([]int{4, 2}, s.shape(0, 2)...)
		inputs := []graph.Value{s.smooth(-1, 1, shape...), s.smooth(0.5, 2, 2), s.smooth(-1, 1, shape...)}
		s.out(s.b.Ops("visus.BatchNormGrad", 3, inputs, attribute("epsilon", float32(0.1)))...)
	},
	"InstanceNormalization": func(s *specimen) {
		shape := append([]int{2, 3}, s.shape(1, 3)...)
		inputs := []graph.Value{s.smooth(-1, 1, shape...), s.smooth(0.5, 2, 3), s.smooth(-1, 1, 3)}
		s.out(s.b.Op("InstanceNormalization", inputs, attribute("epsilon", float32(0.1))))
	},
	"GroupNormalization": func(s *specimen) {
		shape := append([]int{2, 4}, s.shape(1, 2)...)
		groups := pick(s, "groups", 1, 2, 4)
		inputs := []graph.Value{s.smooth(-1, 1, shape...), s.smooth(0.5, 2, 4), s.smooth(-1, 1, 4)}
		s.out(s.b.Op("GroupNormalization", inputs, attribute("num_groups", int64(groups)), attribute("epsilon", float32(0.1))))
	},
	"LayerNormalization": func(s *specimen) {
		shape := s.shape(2, 4)
		axis := s.number("axis", 1, len(shape)-1)
		inputs := []graph.Value{s.smooth(-1, 1, shape...), s.smooth(0.5, 2, shape[axis:]...)}
		if s.yes("bias") {
			inputs = append(inputs, s.smooth(-1, 1, shape[axis:]...))
		}
		if s.yes("from behind") {
			axis -= len(shape)
		}
		outputs := s.number("outputs", 1, 3)
		s.out(s.b.Ops("LayerNormalization", outputs, inputs, attribute("axis", int64(axis)), attribute("epsilon", float32(0.1)))...)
	},
	"RMSNormalization": func(s *specimen) {
		shape := s.shape(2, 4)
		axis := s.number("axis", 1, len(shape)-1)
		inputs := []graph.Value{s.smooth(-1, 1, shape...), s.smooth(0.5, 2, shape[axis:]...)}
		s.out(s.b.Op("RMSNormalization", inputs, attribute("axis", int64(axis)), attribute("epsilon", float32(0.1))))
	},
	"LRN": func(s *specimen) {
		x := s.smooth(-1, 1, append([]int{2, 5}, s.shape(2, 2)...)...)
		s.out(s.b.Op("LRN", []graph.Value{x}, attribute("size", int64(pick(s, "size", 1, 3, 5))), attribute("alpha", float32(0.5)), attribute("beta", float32(0.6)), attribute("bias", float32(1.5))))
	},
	"LpNormalization": func(s *specimen) {
		shape := s.shape(1, 3)
		x := s.apart(shape...)
		s.out(s.b.Op("LpNormalization", []graph.Value{x}, attribute("axis", int64(s.number("axis", -len(shape), len(shape)-1))), attribute("p", int64(s.number("p", 1, 2)))))
	},
	"MeanVarianceNormalization": func(s *specimen) {
		x := s.apart(3, 2, s.number("height", 2, 3), 2)
		if s.yes("axes") {
			s.out(s.b.Op("MeanVarianceNormalization", []graph.Value{x}, attribute("axes", []int64{1, 2})))
		} else {
			s.out(s.b.Op("MeanVarianceNormalization", []graph.Value{x}))
		}
	},
}

// TestGroupNormalizationOld: in opset 18 scale and bias have an entry a group.
func TestGroupNormalizationOld(t *testing.T) {
	checkRule(t, "GroupNormalization", 18, func(s *specimen) {
		inputs := []graph.Value{s.smooth(-1, 1, 2, 6, 3), s.smooth(0.5, 2, 2), s.smooth(-1, 1, 2)}
		s.out(s.b.Op("GroupNormalization", inputs, attribute("num_groups", int64(2)), attribute("epsilon", float32(0.1))))
	})
}

func TestNormsAgain(t *testing.T) {
	for _, op := range []string{"BatchNormalization", "InstanceNormalization", "LayerNormalization"} {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, normSpecimens[op]) })
	}
}
