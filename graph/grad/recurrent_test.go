package grad

import (
	"strings"
	"testing"

	"visus/graph"
	"visus/tensor"
)

var recurrentSpecimens = map[string]func(s *specimen){
	"RNN": func(s *specimen) { recurrentSpecimen(s, "RNN") },
	"GRU": func(s *specimen) {
		recurrentSpecimen(s, "GRU", attribute("linear_before_reset", int64(s.number("reset last", 0, 1))))
	},
	"LSTM": func(s *specimen) { recurrentSpecimen(s, "LSTM") },
}

// recurrentSpecimen draws directions, activations, and which of biases, first states and outputs are there.
func recurrentSpecimen(s *specimen, op string, attributes ...graph.Attribute) {
	steps, batch, in, hidden, directions := s.number("steps", 1, 3), s.number("batch", 1, 2), s.number("in", 1, 2), s.number("hidden", 1, 2), 1
	direction := pick(s, "direction", "forward", "reverse", "bidirectional")
	if direction == "bidirectional" {
		directions = 2
	}
	rows := gatesOf[op] * hidden
	inputs := []graph.Value{s.smooth(-1, 1, steps, batch, in), s.smooth(-1, 1, directions, rows, in), s.smooth(-1, 1, directions, rows, hidden)}
	inputs = append(inputs, graph.Value{}, graph.Value{}, graph.Value{})
	if s.yes("bias") {
		inputs[3] = s.smooth(-1, 1, directions, 2*rows)
	}
	if s.yes("first state") {
		inputs[5] = s.smooth(-1, 1, directions, batch, hidden)
	}
	outputs := 2
	if op == "LSTM" {
		outputs = 3
		if s.yes("first memory") {
			inputs = append(inputs, s.smooth(-1, 1, directions, batch, hidden))
		}
	}
	if s.yes("activations") {
		var names []string
		for range directions {
			names = append(names, map[string][]string{"RNN": {"Sigmoid"}, "GRU": {"Tanh", "Softplus"}, "LSTM": {"Tanh", "Sigmoid", "Softplus"}}[op]...)
		}
		attributes = append(attributes, attribute("activations", names))
	}
	attributes = append(attributes, attribute("hidden_size", int64(hidden)), attribute("direction", direction))
	s.out(s.b.Ops(op, outputs, inputs, attributes...)[s.number("first output", 0, outputs-1):]...)
}

// TestRecurrentSecond: what is unrolled can be differentiated again.
func TestRecurrentSecond(t *testing.T) {
	for op, draw := range recurrentSpecimens {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, draw) })
	}
}

func TestRecurrentWithoutGradient(t *testing.T) {
	for want, set := range map[string]func(n *graph.Node){
		"no gradient with clip":                func(n *graph.Node) { n.SetAttribute("clip", float32(3)) },
		"no gradient with layout 1":            func(n *graph.Node) { n.SetAttribute("layout", int64(1)) },
		"no gradient with input_forget":        func(n *graph.Node) { n.SetAttribute("input_forget", int64(1)) },
		`no gradient with activation "Affine"`: func(n *graph.Node) { n.SetAttribute("activations", []string{"Affine", "Tanh", "Tanh"}) },
		"no gradient with sequence_lens":       func(n *graph.Node) { n.Inputs = append(n.Inputs, "", "lengths") },
		"no gradient with peepholes":           func(n *graph.Node) { n.Inputs = append(n.Inputs, "", "", "", "", "peep") },
	} {
		b := graph.NewBuilder("lstm", graph.CommonOpset)
		b.Input("lengths", tensor.Int32, graph.Dims(1)...)
		b.Input("peep", tensor.Float32, graph.Dims(1, 3)...)
		in := func(name string, shape ...int) graph.Value {
			return b.Input(name, tensor.Float32, graph.Dims(shape...)...)
		}
		y := b.Op("LSTM", []graph.Value{in("x", 1, 1, 1), in("w", 1, 4, 1), in("r", 1, 4, 1)}, attribute("hidden_size", int64(1)))
		b.Output("loss", total(b, y))
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		set(g.Nodes[0])
		if _, err := Append(g, "loss", "x"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"LSTM"`) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// BenchmarkUnroll writes the gradient of a GRU over 500 steps, about 20000 nodes.
func BenchmarkUnroll(b *testing.B) {
	build := graph.NewBuilder("gru", graph.CommonOpset)
	in := func(name string, shape ...int) graph.Value {
		return build.Input(name, tensor.Float32, graph.Dims(shape...)...)
	}
	y := build.Op("GRU", []graph.Value{in("x", 500, 8, 16), in("w", 1, 96, 16), in("r", 1, 96, 32)}, attribute("hidden_size", int64(32)))
	build.Output("loss", total(build, y))
	g, err := build.Build()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Append(g.Clone(), "loss", "x", "w", "r"); err != nil {
			b.Fatal(err)
		}
	}
}
