package grad

import (
	"slices"
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

// recurrentSpecimen draws directions, activations, lengths of sequences, and which of biases, first states and outputs are there.
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
	if s.yes("lengths") {
		inputs[4] = s.lengths(batch, steps)
	}
	if s.yes("first state") {
		inputs[5] = s.smooth(-1, 1, directions, batch, hidden)
	}
	outputs := 2
	if op == "LSTM" {
		outputs = 3
		inputs = append(inputs, s.optional("first memory", directions, batch, hidden), s.optional("peepholes", directions, 3*hidden))
		attributes = append(attributes, attribute("input_forget", int64(s.number("input_forget", 0, 1))))
	}
	if s.yes("activations") {
		attributes = append(attributes, drawActivations(s, op, directions)...)
	}
	attributes = append(attributes, attribute("hidden_size", int64(hidden)), attribute("direction", direction))
	s.out(s.b.Ops(op, outputs, inputs, attributes...)[s.number("first output", 0, outputs-1):]...)
}

// lengths draws how long each sequence of a batch is.
func (s *specimen) lengths(batch, steps int) graph.Value {
	t := tensor.New(tensor.Int32, batch)
	for i := range batch {
		tensor.Values[int32](t)[i] = int32(1 + s.random.IntN(steps))
	}
	return s.data(t)
}

// optional draws an input, or leaves it out.
func (s *specimen) optional(name string, shape ...int) graph.Value {
	if !s.yes(name) {
		return graph.Value{}
	}
	return s.smooth(-1, 1, shape...)
}

// drawActivations draws activation functions, some of which take numbers.
func drawActivations(s *specimen, op string, directions int) []graph.Attribute {
	var names []string
	var alphas, betas []float32
	for range directions * len(activationsOf[op]) {
		name := pick(s, "activation", "Tanh", "Sigmoid", "Softplus", "Affine", "ScaledTanh")
		names = append(names, name)
		if recurrentActivations[name].takes > 0 {
			alphas = append(alphas, 0.3)
		}
		if recurrentActivations[name].takes > 1 {
			betas = append(betas, 0.6)
		}
	}
	attributes := []graph.Attribute{attribute("activations", names)}
	if s.yes("alphas") {
		attributes = append(attributes, attribute("activation_alpha", alphas), attribute("activation_beta", betas))
	}
	return attributes
}

// TestRecurrentKinks: gates' sums are W·x but for little, at least 0.02 from multiples of 0.1: from the clip, and the kinks of activations.
func TestRecurrentKinks(t *testing.T) {
	for _, op := range []string{"RNN", "GRU", "LSTM"} {
		t.Run(op, func(t *testing.T) {
			checkRule(t, op, graph.CommonOpset, func(s *specimen) {
				rows := gatesOf[op] * 2
				inputs := []graph.Value{s.smooth(0.98, 1.02, 2, 1, 1), s.apart(1, rows, 1), s.smooth(-0.01, 0.01, 1, rows, 2)}
				attributes := []graph.Attribute{attribute("hidden_size", int64(2))}
				if s.yes("clip") {
					attributes = append(attributes, attribute("clip", float32(0.2)))
				}
				if op == "GRU" {
					attributes = append(attributes, attribute("linear_before_reset", int64(s.number("reset last", 0, 1))))
				}
				if s.yes("activations") {
					attributes = append(attributes, kinkedActivations(s, op)...)
				}
				s.out(s.b.Ops(op, 2, inputs, attributes...)...)
			})
		})
	}
}

// kinkedActivations draws activations with kinks at 0, or where their numbers say: at 0.3, and HardSigmoid at -0.2 and 0.3. The memory's is smooth.
func kinkedActivations(s *specimen, op string) []graph.Attribute {
	names := slices.Clone(activationsOf[op])
	var alphas, betas []float32
	for i := range min(2, len(names)) {
		names[i] = pick(s, "activation", "Relu", "LeakyRelu", "ThresholdedRelu", "Elu", "HardSigmoid", "Softsign")
		switch names[i] {
		case "HardSigmoid":
			alphas, betas = append(alphas, 2), append(betas, 0.4)
		case "LeakyRelu", "ThresholdedRelu", "Elu":
			alphas = append(alphas, 0.3)
		}
	}
	return []graph.Attribute{attribute("activations", names), attribute("activation_alpha", alphas), attribute("activation_beta", betas)}
}

// TestRecurrentSecond: what is unrolled can be differentiated again.
func TestRecurrentSecond(t *testing.T) {
	for op, draw := range recurrentSpecimens {
		t.Run(op, func(t *testing.T) { checkSecond(t, op, graph.CommonOpset, draw) })
	}
}

func TestRecurrentWithoutGradient(t *testing.T) {
	for want, set := range map[string]func(n *graph.Node){
		"no gradient with layout 1":           func(n *graph.Node) { n.SetAttribute("layout", int64(1)) },
		"2 activations, expected 3":           func(n *graph.Node) { n.SetAttribute("activations", []string{"Tanh", "Tanh"}) },
		`no gradient with activation "Swish"`: func(n *graph.Node) { n.SetAttribute("activations", []string{"Swish", "Tanh", "Tanh"}) },
	} {
		b := graph.NewBuilder("lstm", graph.CommonOpset)
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
