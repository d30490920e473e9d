package grad

import "visus/graph"

var recurrentSpecimens = map[string]func(s *specimen){
	"RNN": func(s *specimen) { recurrentSpecimen(s, "RNN") },
	"GRU": func(s *specimen) {
		recurrentSpecimen(s, "GRU", attribute("linear_before_reset", int64(s.number("reset last", 0, 1))))
	},
	"LSTM": func(s *specimen) { recurrentSpecimen(s, "LSTM") },
}

func recurrentSpecimen(s *specimen, op string, attributes ...graph.Attribute) {
	steps, batch, in, hidden, directions := s.number("steps", 1, 3), s.number("batch", 1, 2), s.number("in", 1, 2), s.number("hidden", 1, 2), 1
	direction := []string{"forward", "reverse", "bidirectional"}[s.number("direction", 0, 2)]
	if direction == "bidirectional" {
		directions = 2
	}
	rows := gatesOf[op] * hidden
	inputs := []graph.Value{s.smooth(-1, 1, steps, batch, in), s.smooth(-1, 1, directions, rows, in), s.smooth(-1, 1, directions, rows, hidden)}
	if s.yes("bias") {
		inputs = append(inputs, s.smooth(-1, 1, directions, 2*rows))
		if s.yes("initial state") {
			inputs = append(inputs, graph.Value{}, s.smooth(-1, 1, directions, batch, hidden))
		}
	}
	attributes = append(attributes, attribute("hidden_size", int64(hidden)), attribute("direction", direction))
	s.out(s.b.Ops(op, 2, inputs, attributes...)...)
}
