package grad

import (
	"visus/graph"
)

var activationSpecimens = map[string]func(s *specimen){
	"Relu": kinked("Relu"), "LeakyRelu": kinked("LeakyRelu", attribute("alpha", float32(0.2))), "Selu": kinked("Selu"),
	"Elu": kinked("Elu", attribute("alpha", float32(1.5))), "Celu": kinked("Celu", attribute("alpha", float32(0.7))),
	"ThresholdedRelu": func(s *specimen) { // apart keeps away from multiples of 0.1 by 0.05
		s.out(s.b.Op("ThresholdedRelu", []graph.Value{s.apart(s.shape(0, 3)...)}, attribute("alpha", float32(0.3))))
	},
	"Shrink": kinked("Shrink", attribute("lambd", float32(0.3)), attribute("bias", float32(0.2))),
	"PRelu": func(s *specimen) {
		shape := append([]int{2}, s.shape(1, 3)...)
		slope := append([]int{}, shape[s.number("missing", 0, len(shape)-1):]...)
		for i := range slope {
			if s.yes("broadcast") {
				slope[i] = 1
			}
		}
		s.out(s.b.Op("PRelu", []graph.Value{s.apart(shape...), s.smooth(-1, 1, slope...)}))
	},
	"Gelu": func(s *specimen) {
		s.out(s.b.Op("Gelu", []graph.Value{s.smooth(-3, 3, s.shape(0, 3)...)}, attribute("approximate", pick(s, "approximate", "none", "tanh"))))
	},
	"Mish": alone("Mish", -3, 3),
	"Swish": func(s *specimen) {
		s.out(s.b.Op("Swish", []graph.Value{s.smooth(-3, 3, s.shape(0, 3)...)}, attribute("alpha", float32(1.7))))
	},
	// The kinks are at -3 and 3, those of HardSigmoid at -2.5 and 2.5.
	"HardSwish": pieces("HardSwish"), "HardSigmoid": pieces("HardSigmoid"),
	"Sigmoid": alone("Sigmoid", -4, 4), "Softplus": alone("Softplus", -4, 4), "Softsign": kinked("Softsign"),
}

// pieces draws numbers on each of the three pieces of functions with kinks between 2.5 and 3, and their negatives.
func pieces(op string) func(s *specimen) {
	return func(s *specimen) {
		shape := s.shape(0, 3)
		numbers := make([]float64, elements(shape))
		for i := range numbers {
			numbers[i] = []float64{-3.5, 0, 3.5}[s.random.IntN(3)] + s.random.Float64()*0.8 - 0.4
		}
		s.out(s.b.Op(op, []graph.Value{s.given(numbers, shape...)}))
	}
}
