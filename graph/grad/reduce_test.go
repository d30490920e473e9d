package grad

import (
	"visus/graph"
	"visus/tensor"
)

var reductionSpecimens = map[string]func(s *specimen){
	"ReduceSum": reducing("ReduceSum", false, -2, 2), "ReduceMean": reducing("ReduceMean", false, -2, 2),
	"ReduceMax": reducing("ReduceMax", true, 0, 0), "ReduceMin": reducing("ReduceMin", true, 0, 0), "ReduceL1": reducing("ReduceL1", true, 0, 0),
	"ReduceL2": reducing("ReduceL2", false, 0.5, 2), "ReduceSumSquare": reducing("ReduceSumSquare", false, -2, 2),
	"ReduceLogSum": reducing("ReduceLogSum", false, 0.5, 2), "ReduceLogSumExp": reducing("ReduceLogSumExp", false, -2, 2),
	"ReduceProd": func(s *specimen) {
		shape := s.shape(1, 4)
		numbers := make([]float64, elements(shape))
		for i := range numbers {
			numbers[i] = 0.7 + 0.6*s.random.Float64()
			if s.random.IntN(6) == 0 {
				numbers[i] = 0 // one zero, or several, have their own branch
			}
		}
		reduceOp(s, "ReduceProd", s.given(numbers, shape...), shape)
	},
	"CumSum": func(s *specimen) {
		shape := s.shape(1, 3)
		axis := s.number("axis", -len(shape), len(shape)-1)
		s.out(s.b.Op("CumSum", []graph.Value{s.smooth(-2, 2, shape...), s.b.Scalar(tensor.Int64, float64(axis))},
			attribute("exclusive", int64(s.number("exclusive", 0, 1))), attribute("reverse", int64(s.number("reverse", 0, 1)))))
	},
	"TopK": func(s *specimen) {
		shape := s.shape(1, 3)
		axis := s.number("axis", -len(shape), len(shape)-1)
		k := s.number("k", 1, shape[axisOf(int64(axis), len(shape))])
		outputs := s.b.Ops("TopK", 2, []graph.Value{s.apart(shape...), s.b.Ints(int64(k))},
			attribute("axis", int64(axis)), attribute("largest", int64(s.number("largest", 0, 1))))
		s.out(outputs[0])
	},
	"Softmax": along("Softmax"), "LogSoftmax": along("LogSoftmax"),
}

// reducing draws uses of a reduction: any axes, given, empty or left out, kept or not.
func reducing(op string, kinked bool, low, high float64) func(s *specimen) {
	return func(s *specimen) {
		shape := s.shape(0, 4)
		var x graph.Value
		if kinked {
			x = s.apart(shape...)
		} else {
			x = s.smooth(low, high, shape...)
		}
		reduceOp(s, op, x, shape)
	}
}

func reduceOp(s *specimen, op string, x graph.Value, shape []int) {
	inputs := []graph.Value{x}
	keep := attribute("keepdims", int64(s.number("keepdims", 0, 1)))
	if s.number("all", 0, 3) > 0 {
		axes := []int64{}
		for i := range shape {
			if s.yes("reduced") {
				axes = append(axes, int64(i-len(shape)*s.number("negative", 0, 1)))
			}
		}
		if len(axes) > 0 {
			inputs = append(inputs, s.b.Ints(axes...))
		}
	}
	s.out(s.b.Op(op, inputs, keep))
}

// along draws uses of an operator along an axis.
func along(op string) func(s *specimen) {
	return func(s *specimen) {
		shape := s.shape(1, 4)
		axis := s.number("axis", -len(shape), len(shape)-1)
		s.out(s.b.Op(op, []graph.Value{s.smooth(-2, 2, shape...)}, attribute("axis", int64(axis))))
	}
}
