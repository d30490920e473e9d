package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// descent is one step of x ← x - rate·(x - target), with the loss (x - target)² before the step.
func descent() *graph.Graph {
	shape := graph.Dims(2)
	value := func(name string) graph.Value { return graph.Value{Name: name, Type: tensor.Float32, Shape: shape} }
	return &graph.Graph{
		Name: "descent", Opsets: map[string]int64{"": 17},
		Inputs:  []graph.Value{value("x"), value("target"), value("rate")},
		Outputs: []graph.Value{value("next"), value("loss"), value("move")},
		Nodes: []*graph.Node{
			{Name: "difference", Op: "Sub", Inputs: []string{"x", "target"}, Outputs: []string{"gradient"}},
			{Name: "square", Op: "Mul", Inputs: []string{"gradient", "gradient"}, Outputs: []string{"loss"}},
			{Name: "scale", Op: "Mul", Inputs: []string{"gradient", "rate"}, Outputs: []string{"move"}},
			{Name: "step", Op: "Sub", Inputs: []string{"x", "move"}, Outputs: []string{"next"}},
		},
	}
}

func pair(t *testing.T, a, b float32) *tensor.Tensor {
	t.Helper()
	out, err := tensor.Of([]float32{a, b}, 2)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func readState(t *testing.T, p engine.Program, input string) *tensor.Tensor {
	t.Helper()
	s, err := p.ReadState(input, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// states: one that each Run replaces, one that stays; read, written, and nowhere among inputs and outputs.
func states(t *testing.T, e engine.Engine) {
	initial := pair(t, 8, -8)
	p := compile(t, e, descent(), engine.Options{
		Outputs: []string{"loss"},
		State:   []engine.State{{Input: "rate", Initial: pair(t, 0.5, 0.5)}, {Input: "x", Output: "next", Initial: initial}},
	})
	if len(p.Inputs()) != 1 || p.Inputs()[0].Name != "target" || len(p.Outputs()) != 1 || p.Outputs()[0].Name != "loss" {
		t.Fatalf("the program takes %v and gives %v", p.Inputs(), p.Outputs())
	}
	tensor.Values[float32](initial)[0] = 100 // Compile has its own copy
	target, outputs := []*tensor.Tensor{pair(t, 0, 0)}, []*tensor.Tensor{nil}
	for i, want := range [][]float32{{64, 64}, {16, 16}, {4, 4}} {
		run(t, p, target, outputs)
		same(t, fmt.Sprint("loss ", i), outputs[0], want)
	}
	same(t, "state after three runs", readState(t, p, "x"), []float32{1, -1})
	same(t, "state that stays", readState(t, p, "rate"), []float32{0.5, 0.5})

	written := pair(t, 2, 4)
	for name, value := range map[string]*tensor.Tensor{"x": written, "rate": pair(t, 1, 0)} {
		if err := p.WriteState(name, value); err != nil {
			t.Fatal(err)
		}
	}
	tensor.Values[float32](written)[0] = 100
	run(t, p, target, outputs)
	same(t, "loss after WriteState", outputs[0], []float32{4, 16})
	into := pair(t, 7, 7)
	if got, err := p.ReadState("x", into); err != nil || got != into {
		t.Errorf("ReadState into a tensor returned %v, %v", got, err)
	}
	same(t, "state after WriteState and a run", into, []float32{0, 4})
	run(t, p, target, outputs)
	same(t, "what was read before a run", into, []float32{0, 4})

	p = compile(t, e, descent(), engine.Options{State: []engine.State{{Input: "x", Output: "next"}}})
	same(t, "a state without initial value", readState(t, p, "x"), []float32{0, 0})
	if len(p.Inputs()) != 2 || len(p.Outputs()) != 2 || p.Outputs()[1].Name != "move" {
		t.Errorf("the program takes %v and gives %v", p.Inputs(), p.Outputs())
	}
}

// exchangedStates: outputs that are nothing but the other state's input, in every type, empty and scalar too.
func exchangedStates(t *testing.T, e engine.Engine) {
	exchanged := map[tensor.Type]int{}
	for _, kind := range types {
		for _, shape := range [][]int{{}, {0}, {3, 5}} {
			value := func(name string) graph.Value { return graph.Value{Name: name, Type: kind, Shape: graph.Dims(shape...)} }
			g := &graph.Graph{
				Name: "exchange", Opsets: map[string]int64{"": 17},
				Inputs: []graph.Value{value("a"), value("b")}, Outputs: []graph.Value{value("next a"), value("next b")},
				Nodes: []*graph.Node{
					{Name: "ab", Op: "Identity", Inputs: []string{"a"}, Outputs: []string{"next b"}},
					{Name: "ba", Op: "Identity", Inputs: []string{"b"}, Outputs: []string{"next a"}},
				},
			}
			a, b := tensor.New(kind, shape...), tensor.New(kind, shape...)
			for i := range a.Bytes() {
				a.Bytes()[i] = 1
			}
			p := compile(t, e, g, engine.Options{State: []engine.State{
				{Input: "a", Output: "next a", Initial: a}, {Input: "b", Output: "next b", Initial: b},
			}})
			if p == nil {
				continue
			}
			exchanged[kind]++
			for i := range 3 {
				run(t, p, nil, nil)
				a, b = b, a
				if !bytes.Equal(readState(t, p, "a").Bytes(), a.Bytes()) || !bytes.Equal(readState(t, p, "b").Bytes(), b.Bytes()) {
					t.Errorf("%s %v, run %d: the states did not change places", kind, shape, i)
				}
			}
		}
	}
	if exchanged[tensor.Float32] == 0 {
		t.Error("no states of float32 were exchanged")
	}
}

// stateAfterFailure: a Run that fails, or is interrupted, leaves the state as it was.
func stateAfterFailure(t *testing.T, e engine.Engine) {
	g := descent()
	g.Inputs = append(g.Inputs, graph.Value{Name: "shape", Type: tensor.Int64, Shape: graph.Dims(1)})
	g.Outputs = append(g.Outputs, graph.Value{Name: "reshaped", Type: tensor.Float32, Shape: graph.Dims(-1)})
	g.Nodes = append(g.Nodes, &graph.Node{Name: "fails", Op: "Reshape", Inputs: []string{"next", "shape"}, Outputs: []string{"reshaped"}})
	p := compile(t, e, g, engine.Options{Outputs: []string{"reshaped"}, State: []engine.State{{Input: "x", Output: "next", Initial: pair(t, 4, 2)}}})
	if p != nil {
		inputs := func(n int64) []*tensor.Tensor {
			shape, err := tensor.Of([]int64{n}, 1)
			if err != nil {
				t.Fatal(err)
			}
			return []*tensor.Tensor{pair(t, 0, 0), pair(t, 0.5, 0.5), shape}
		}
		refuses(t, "operator that fails", p.Run(context.Background(), inputs(3), []*tensor.Tensor{nil}), "descent", "fails")
		same(t, "state after a failure", readState(t, p, "x"), []float32{4, 2})
		run(t, p, inputs(2), []*tensor.Tensor{nil})
		same(t, "state after the next run", readState(t, p, "x"), []float32{2, 1})
	}

	loop := countdown()
	count := func(n int64) *tensor.Tensor {
		out := tensor.New(tensor.Int64)
		tensor.Values[int64](out)[0] = n
		return out
	}
	p = compile(t, e, loop, engine.Options{Threads: 1, State: []engine.State{{Input: "x", Output: "y", Initial: count(1 << 50)}}})
	if p == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := p.Run(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run returned %v", err)
	}
	if got := readState(t, p, "x"); !slices.Equal(tensor.Values[int64](got), []int64{1 << 50}) {
		t.Errorf("state after an interruption: %v", got.Floats())
	}
}

func wrongStates(t *testing.T, e engine.Engine) {
	free := descent()
	free.Inputs[0].Shape = graph.Dims(-1)
	other := descent()
	other.Outputs[0].Shape = graph.Dims(3)
	x := engine.State{Input: "x", Output: "next"}
	for _, c := range []struct {
		name    string
		g       *graph.Graph
		outputs []string
		states  []engine.State
		words   []string
	}{
		{"no such input", descent(), nil, []engine.State{{Input: "y", Output: "next"}}, []string{`state "y"`, "no such input", "x, target, rate"}},
		{"no such output", descent(), nil, []engine.State{{Input: "x", Output: "after"}}, []string{`state "x"`, `"after"`, "next, loss, move"}},
		{"free shape", free, nil, []engine.State{x}, []string{`state "x"`, "fixed", "[?]"}},
		{"other shape", other, nil, []engine.State{x}, []string{`state "x"`, "[2]", "[3]"}},
		{"initial value", descent(), nil, []engine.State{{Input: "x", Output: "next", Initial: tensor.New(tensor.Float32, 3)}}, []string{`state "x"`, "[2]", "[3]"}},
		{"twice", descent(), nil, []engine.State{x, {Input: "rate", Output: "next"}}, []string{"two states"}},
		{"asked for", descent(), []string{"next"}, []engine.State{x}, []string{`"next"`, "ReadState"}},
	} {
		_, err := e.Compile(context.Background(), c.g, engine.Options{Outputs: c.outputs, State: c.states})
		refuses(t, c.name, err, append(c.words, "descent")...)
	}
	p := compile(t, e, descent(), engine.Options{State: []engine.State{x}})
	for _, name := range []string{"target", "next"} {
		_, err := p.ReadState(name, nil)
		refuses(t, "reading what is no state", err, "descent", name)
		refuses(t, "writing what is no state", p.WriteState(name, pair(t, 0, 0)), "descent", name)
	}
	_, err := p.ReadState("x", tensor.New(tensor.Float64, 2))
	refuses(t, "reading into another type", err, "descent", `"x"`, "float64")
	refuses(t, "writing another shape", p.WriteState("x", tensor.New(tensor.Float32, 3)), "descent", `"x"`, "[3]")
	refuses(t, "writing nothing", p.WriteState("x", nil), "descent", `"x"`)
	p.Close()
	_, err = p.ReadState("x", nil)
	refuses(t, "reading after Close", err, "closed")
	refuses(t, "writing after Close", p.WriteState("x", pair(t, 0, 0)), "closed")
}
