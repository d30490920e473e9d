package grad

import (
	"visus/graph"
	"visus/tensor"
)

var elementwiseSpecimens = map[string]func(s *specimen){
	"Identity": alone("Identity", -2, 2), "Neg": alone("Neg", -2, 2), "Abs": kinked("Abs"), "Exp": alone("Exp", -2, 2), "Log": alone("Log", 0.5, 3),
	"Sqrt": alone("Sqrt", 0.5, 3), "Reciprocal": alone("Reciprocal", 0.5, 2), "Erf": alone("Erf", -2, 2),
	"Sin": alone("Sin", -3, 3), "Cos": alone("Cos", -3, 3), "Tan": alone("Tan", -1, 1), "Sinh": alone("Sinh", -2, 2), "Cosh": alone("Cosh", -2, 2),
	"Tanh": alone("Tanh", -2, 2), "Asin": alone("Asin", -0.8, 0.8), "Acos": alone("Acos", -0.8, 0.8), "Atan": alone("Atan", -2, 2),
	"Asinh": alone("Asinh", -2, 2), "Acosh": alone("Acosh", 1.5, 3), "Atanh": alone("Atanh", -0.8, 0.8),
	"Add": pair("Add", -2, 2), "Sub": pair("Sub", -2, 2), "Mul": pair("Mul", -2, 2), "Div": pair("Div", 0.5, 2),
	"Mod": func(s *specimen) { // a/b between 2.1 and 2.9 or their negatives: no step near
		a, b := broadcasting(s)
		x := s.smooth(4.4, 5.6, a...)
		if s.yes("negative") {
			x = s.b.Op("Neg", []graph.Value{x})
		}
		s.out(s.b.Op("Mod", []graph.Value{x, s.smooth(1.95, 2.05, b...)}, attribute("fmod", int64(1))))
	},
	"Pow": func(s *specimen) {
		a, b := broadcasting(s)
		x := s.smooth(0.5, 2, a...)
		switch s.number("exponent", 0, 2) {
		case 0:
			s.out(s.b.Op("Pow", []graph.Value{x, s.b.Scalar(s.kind, float64(s.number("constant", 0, 3)))}))
		case 1:
			s.out(s.b.Op("Pow", []graph.Value{s.b.Op("Neg", []graph.Value{x}), s.b.Ints(int64(s.number("constant", 0, 3)))}))
		default:
			s.out(s.b.Op("Pow", []graph.Value{x, s.smooth(-2, 2, b...)}))
		}
	},
	"Min": several("Min"), "Max": several("Max"), "Sum": several("Sum"), "Mean": several("Mean"),
	"Where": func(s *specimen) {
		a, b := broadcasting(s)
		condition := tensor.New(tensor.Bool, a...)
		for i := range condition.Bytes() {
			condition.Bytes()[i] = byte(s.random.IntN(2))
		}
		s.out(s.b.Op("Where", []graph.Value{s.data(condition), s.smooth(-1, 1, a...), s.smooth(-1, 1, b...)}))
	},
	"Clip": func(s *specimen) {
		inputs := []graph.Value{s.apart(s.shape(0, 3)...), {}, {}}
		if s.yes("min") {
			inputs[1] = s.given([]float64{-0.3 + 0.6*float64(s.number("crossed", 0, 2)/2)})
		}
		if s.yes("max") {
			inputs[2] = s.given([]float64{0.2})
		}
		s.out(s.b.Op("Clip", inputs))
	},
	"Dropout": func(s *specimen) {
		inputs := []graph.Value{s.smooth(-2, 2, s.shape(1, 3)...)}
		if s.yes("ratio") {
			inputs = append(inputs, s.b.Scalar(s.kind, 0.3))
		}
		s.out(s.b.Op("Dropout", inputs))
	},
	"Cast": func(s *specimen) { s.out(toDouble(s, s.smooth(-2, 2, s.shape(0, 3)...))) },
	"CastLike": func(s *specimen) {
		s.out(s.b.Op("CastLike", []graph.Value{s.smooth(-2, 2, s.shape(0, 3)...), s.b.Scalar(tensor.Float64, 0)}))
	},
}

// toDouble casts to float64; where the specimen is float64 already, on the way through a value that is no other.
func toDouble(s *specimen, x graph.Value) graph.Value {
	return s.b.Op("Cast", []graph.Value{x}, attribute("to", graph.TypeNumber(tensor.Float64)))
}

// alone draws uses of an operator of one input between low and high.
func alone(op string, low, high float64) func(s *specimen) {
	return func(s *specimen) { s.out(s.b.Op(op, []graph.Value{s.smooth(low, high, s.shape(0, 3)...)})) }
}

// kinked draws uses of an operator with a kink at 0.
func kinked(op string, attributes ...graph.Attribute) func(s *specimen) {
	return func(s *specimen) { s.out(s.b.Op(op, []graph.Value{s.apart(s.shape(0, 3)...)}, attributes...)) }
}

// broadcasting draws two shapes that broadcast: some axes of either are 1, or missing at the front.
func broadcasting(s *specimen) (a, b []int) {
	shape := s.shape(0, 4)
	shrink := func(name string) []int {
		out := append([]int{}, shape...)
		for i := range out {
			if s.number(name, 0, 3) == 0 {
				out[i] = 1
			}
		}
		if len(out) > 0 {
			out = out[s.number(name+" from", 0, len(out)-1)/2:]
		}
		return out
	}
	return shrink("left"), shrink("right")
}

// pair draws uses of an operator of two inputs that broadcast, or of one input with itself.
func pair(op string, low, high float64) func(s *specimen) {
	return func(s *specimen) {
		a, b := broadcasting(s)
		x := s.smooth(low, high, a...)
		y := x
		if s.number("itself", 0, 3) > 0 {
			y = s.smooth(low, high, b...)
		}
		s.out(s.b.Op(op, []graph.Value{x, y}))
	}
}

// several draws uses of an operator of any number of inputs. No two numbers of different inputs are near.
func several(op string) func(s *specimen) {
	return func(s *specimen) {
		a, b := broadcasting(s)
		inputs := []graph.Value{}
		for i := range s.number("inputs", 1, 3) {
			shape := a
			if i == 1 {
				shape = b
			}
			numbers := make([]float64, elements(shape))
			for k := range numbers {
				numbers[k] = float64(s.random.IntN(20)) + 0.3*float64(i)
			}
			inputs = append(inputs, s.given(numbers, shape...))
		}
		s.out(s.b.Op(op, inputs))
	}
}
