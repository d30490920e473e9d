package grad

import (
	"visus/graph"
)

var lossSpecimens = map[string]func(s *specimen){
	"NegativeLogLikelihoodLoss": func(s *specimen) { s.out(lossOp(s, "NegativeLogLikelihoodLoss", 1)...) },
	"SoftmaxCrossEntropyLoss":   func(s *specimen) { s.out(lossOp(s, "SoftmaxCrossEntropyLoss", s.number("outputs", 1, 2))...) },
}

// lossOp draws scores, labels, of which some are ignored, and weights.
func lossOp(s *specimen, op string, outputs int) []graph.Value {
	shape := append([]int{s.number("samples", 1, 3), s.number("classes", 1, 4)}, s.shape(0, 2)...)
	labels := make([]int64, elements(shape)/shape[1])
	attributes := []graph.Attribute{attribute("reduction", pick(s, "reduction", "none", "sum", "mean"))}
	for i := range labels {
		labels[i] = int64(s.random.IntN(shape[1]))
	}
	if s.yes("ignore") {
		ignored := pick[int64](s, "ignored", -100, 1)
		attributes = append(attributes, attribute("ignore_index", ignored))
		for i := range labels[1:] {
			if s.random.IntN(2) == 0 {
				labels[i+1] = ignored
			}
		}
		labels[0] = 0 // a mean over nothing is not a number
	}
	inputs := []graph.Value{s.smooth(-2, 2, shape...), s.integers(labels, append([]int{shape[0]}, shape[2:]...)...)}
	if s.yes("weights") {
		inputs = append(inputs, s.smooth(0.5, 2, shape[1]))
	}
	return s.b.Ops(op, outputs, inputs, attributes...)
}
