package nn

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"visus/engine"
	"visus/engine/choice"
	"visus/engine/choice/choicetest"
	"visus/graph"
	"visus/tensor"
)

// runtime opens ONNX Runtime, and skips the test where there is none.
func runtime(t testing.TB) engine.Engine {
	t.Helper()
	return choicetest.Open(t, choice.ORT)
}

// machine is a compiled graph that takes and gives tensors by name.
type machine struct {
	t testing.TB
	engine.Program
}

func compile(t testing.TB, g *graph.Graph, state []graph.State) machine {
	t.Helper()
	p, err := runtime(t).Compile(context.Background(), g, engine.Options{State: state})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return machine{t, p}
}

type tensors map[string]*tensor.Tensor

func (m machine) run(inputs tensors) tensors {
	m.t.Helper()
	in := make([]*tensor.Tensor, len(m.Inputs()))
	for i, v := range m.Inputs() {
		if in[i] = inputs[v.Name]; in[i] == nil {
			m.t.Fatalf("no tensor for the input %q", v.Name)
		}
	}
	out := make([]*tensor.Tensor, len(m.Outputs()))
	if err := m.Run(context.Background(), in, out); err != nil {
		m.t.Fatal(err)
	}
	named := tensors{}
	for i, v := range m.Outputs() {
		named[v.Name] = out[i]
	}
	return named
}

func (m machine) state(name string) []float64 {
	m.t.Helper()
	s, err := m.ReadState(name, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	return s.Floats()
}

// finished returns the network of a Net, with one output "y".
func finished(t testing.TB, n *Net, y graph.Value) *Network {
	t.Helper()
	n.Output("y", y)
	network, err := n.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return network
}

func floats(t testing.TB, values []float64, shape ...int) *tensor.Tensor {
	t.Helper()
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	out, err := tensor.Of(narrow, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func integers(t testing.TB, values []int64, shape ...int) *tensor.Tensor {
	t.Helper()
	out, err := tensor.Of(values, shape...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// normal draws numbers of float32.
func normal(r *rand.Rand, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	Normal(1)(r, tensor.Values[float32](t), shape)
	return t
}

// near compares arrays; tolerance is relative to the largest entry of want.
func near(t testing.TB, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, expected %d", what, len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		if d := math.Abs(got[i] - v); !(d <= tolerance*largest) {
			t.Fatalf("%s: element %d is %.9g, expected %.9g", what, i, got[i], v)
		}
	}
}
