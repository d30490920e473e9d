package onednn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"visus/engine"
	"visus/engine/library"
	"visus/engine/ort"
	"visus/graph"
	"visus/graph/grad"
	"visus/internal/golden"
	"visus/tensor"
)

// sketch is a graph that is run on both engines, with the numbers of its inputs.
type sketch struct {
	*graph.Builder
	values map[string]*tensor.Tensor
	wrt    []string
	random *rand.Rand
}

func newSketch(seed uint64) *sketch {
	return &sketch{Builder: graph.NewBuilder("sketch", graph.CommonOpset), values: map[string]*tensor.Tensor{}, random: rand.New(rand.NewPCG(seed, 1))}
}

// floats is an input of numbers in between, with respect to which the graph is differentiated.
func (s *sketch) floats(low, high float64, shape ...int) graph.Value {
	v := tensor.New(tensor.Float32, shape...)
	for i := range tensor.Values[float32](v) {
		tensor.Values[float32](v)[i] = float32(low + (high-low)*s.random.Float64())
	}
	name := fmt.Sprint("x", len(s.values))
	s.values[name], s.wrt = v, append(s.wrt, name)
	return s.Input(name, v.Type(), graph.Dims(shape...)...)
}

// indices is an input of numbers from -n on and below n, all different along the innermost dimension if distinct.
func (s *sketch) indices(n int, distinct bool, shape ...int) graph.Value {
	v := tensor.New(tensor.Int64, shape...)
	values := tensor.Values[int64](v)
	run := shape[len(shape)-1]
	for first := 0; first < len(values); first += run {
		var order []int
		if distinct {
			order = s.random.Perm(n)
		}
		for i := range run {
			k := s.random.IntN(n)
			if distinct {
				k = order[i]
			}
			values[first+i] = int64(k - n*s.random.IntN(2))
		}
	}
	name := fmt.Sprint("i", len(s.values))
	s.values[name] = v
	return s.Input(name, v.Type(), graph.Dims(shape...)...)
}

// numbers is a constant of float32.
func (s *sketch) numbers(values ...float32) graph.Value {
	t, err := tensor.Of(values, len(values))
	if err != nil {
		s.Fail("Constant", err)
	}
	return s.Constant(t)
}

// hold holds outputs, and the gradients of those that are float32 with respect to the inputs, to ONNX Runtime's, on one thread and on two, each
// of which has to give the same bits again.
func (s *sketch) hold(t *testing.T, tolerance float64, outputs ...graph.Value) {
	t.Helper()
	e, reference := open(t), openReference(t)
	var names, cotangents []string
	for i, v := range outputs {
		name := fmt.Sprint("y", i)
		s.Output(name, v)
		shape, _ := v.Sizes()
		if v.Type == tensor.Float32 {
			wrt := s.wrt
			names, cotangents = append(names, name), append(cotangents, s.floats(-1, 1, shape...).Name)
			s.wrt = wrt
		}
	}
	g, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	if len(s.wrt) > 0 {
		if err := differentiate(g, names, cotangents, s.wrt); err != nil {
			t.Fatal(err)
		}
	}
	want := s.run(t, reference, g, 1)
	for _, threads := range []int{1, 2} {
		got, again := s.run(t, e, g, threads), s.run(t, e, g, threads)
		for i := range want {
			if err := golden.Near(got[i], want[i], tolerance); err != nil {
				t.Errorf("output %q, threads: %d: %v", g.Outputs[i].Name, threads, err)
			}
			if err := golden.Near(again[i], got[i], 0); err != nil {
				t.Errorf("output %q once more, threads: %d: %v", g.Outputs[i].Name, threads, err)
			}
		}
	}
}

// differentiate gives the graph its gradients as outputs.
func differentiate(g *graph.Graph, outputs, cotangents, wrt []string) error {
	gradients, err := grad.VJP(g, outputs, cotangents, wrt)
	if err != nil {
		return err
	}
	facts, err := g.InferShapes()
	if err != nil {
		return err
	}
	for _, name := range wrt {
		g.Outputs = append(g.Outputs, facts[gradients[name]])
	}
	return nil
}

func openReference(t *testing.T) engine.Engine {
	t.Helper()
	e, err := ort.Open(ort.Options{})
	var missing *library.NotFoundError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run runs the graph twice: what a run leaves behind must not change the next one.
func (s *sketch) run(t *testing.T, e engine.Engine, g *graph.Graph, threads int) []*tensor.Tensor {
	t.Helper()
	p, err := e.Compile(context.Background(), g, engine.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var inputs []*tensor.Tensor
	for _, v := range p.Inputs() {
		inputs = append(inputs, s.values[v.Name])
	}
	out := make([]*tensor.Tensor, len(p.Outputs()))
	for range 2 {
		if err := p.Run(context.Background(), inputs, out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func attribute(name string, value any) graph.Attribute {
	return graph.Attribute{Name: name, Value: value}
}
