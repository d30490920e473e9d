// Package enginetest is the suite that every implementation of engine.Engine passes:
//
//	func TestEngine(t *testing.T) { enginetest.Run(t, open(t)) }
//
// RunPart is the same for an engine that is not for every graph.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// RunPart tests an engine that may refuse graphs with an *engine.Unsupported: these are left out. Graphs of float32 it takes.
func RunPart(t *testing.T, e engine.Engine) { Run(t, partial{e}) }

// partial marks an engine that may refuse graphs.
type partial struct{ engine.Engine }

// Run tests an engine that takes every graph.
func Run(t *testing.T, e engine.Engine) {
	if e.Name() == "" {
		t.Error("the engine has no name")
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, engine.Engine)
	}{
		{"types and ranks", roundTrips},
		{"free dimensions", freeDimensions},
		{"outputs asked for", someOutputs},
		{"unused input", unusedInput},
		{"no inputs", noInputs},
		{"wrong calls", wrongCalls},
		{"wrong graphs", wrongGraphs},
		{"state", states},
		{"exchanged states", exchangedStates},
		{"state after failure", stateAfterFailure},
		{"wrong states", wrongStates},
		{"side by side", sideBySide},
		{"interrupted", interrupted},
		{"closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, e) })
	}
}

// types are all that tensors have.
var types = []tensor.Type{
	tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16, tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64,
	tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Bool,
}

// roundTrips sends every type in shapes from scalar to rank 6 through a graph that copies: every bit comes back.
func roundTrips(t *testing.T, e engine.Engine) {
	random := rand.New(rand.NewPCG(1, 2))
	compared, left := map[tensor.Type]int{}, 0
	for _, kind := range types {
		for _, shape := range [][]int{{}, {1}, {0}, {3, 0, 2}, {7}, {2, 3}, {1, 2, 1, 3, 1, 2}} {
			p := compile(t, e, copies(kind, shape), engine.Options{})
			if p == nil {
				left++
				continue
			}
			in := tensor.New(kind, shape...)
			for i := range in.Bytes() {
				in.Bytes()[i] = byte(random.UintN(256))
				if kind == tensor.Bool {
					in.Bytes()[i] &= 1
				}
			}
			given := tensor.New(kind, shape...)
			for _, outputs := range [][]*tensor.Tensor{{nil}, {given}} {
				run(t, p, []*tensor.Tensor{in}, outputs)
				out := outputs[0]
				if out.Type() != kind || !slices.Equal(out.Shape(), shape) || !bytes.Equal(out.Bytes(), in.Bytes()) {
					t.Errorf("%s %v: got %s %v %x, want %x", kind, shape, out.Type(), out.Shape(), out.Bytes(), in.Bytes())
				}
				compared[kind]++
			}
			if outputs := p.Outputs(); outputs[0].Type != kind || outputs[0].Name != "y" {
				t.Errorf("%s: the program's output is described as %+v", kind, outputs[0])
			}
		}
	}
	sum := 0
	for _, n := range compared {
		sum += n
	}
	if sum != (len(types)*7-left)*2 || compared[tensor.Float32] == 0 {
		t.Errorf("compared %d round trips of %d, %d of them of float32; %d graphs were left out", sum, len(types)*14, compared[tensor.Float32], left)
	}
}

// freeDimensions runs one program with batches of several sizes, there and back.
func freeDimensions(t *testing.T, e engine.Engine) {
	p := compile(t, e, linear("linear"), engine.Options{Threads: 2})
	for _, batch := range []int{1, 5, 2, 0, 64, 1} {
		x, want := question(t, batch)
		outputs := []*tensor.Tensor{nil}
		err := p.Run(context.Background(), []*tensor.Tensor{x}, outputs)
		if batch == 0 && refused(t, e, err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("batch %d", batch), outputs[0], want)
	}
}

func someOutputs(t *testing.T, e engine.Engine) {
	g := powers()
	x, err := tensor.Of([]float32{2, -3}, 2)
	if err != nil {
		t.Fatal(err)
	}
	expected := map[string][]float32{"square": {4, 9}, "cube": {8, -27}, "fourth": {16, 81}}
	for _, wanted := range [][]string{nil, {"cube"}, {"fourth", "square"}, {"square", "fourth", "cube"}} {
		p := compile(t, e, g, engine.Options{Outputs: wanted})
		if wanted == nil {
			wanted = []string{"square", "cube", "fourth"}
		}
		outputs := make([]*tensor.Tensor, len(wanted))
		run(t, p, []*tensor.Tensor{x}, outputs)
		for i, name := range wanted {
			if p.Outputs()[i].Name != name || !slices.Equal(tensor.Values[float32](outputs[i]), expected[name]) {
				t.Errorf("outputs %v: %s is %s with %v", wanted, name, p.Outputs()[i].Name, outputs[i].Floats())
			}
		}
	}
	if len(g.Outputs) != 3 || len(g.Nodes) != 3 {
		t.Error("Compile changed the graph")
	}
	for _, wanted := range [][]string{{"sixth"}, {"cube", "cube"}} {
		_, err := e.Compile(context.Background(), g, engine.Options{Outputs: wanted})
		refuses(t, fmt.Sprint(wanted), err, "powers", wanted[0])
	}
}

// unusedInput: what no node reads must still be given, and does no harm.
func unusedInput(t *testing.T, e engine.Engine) {
	g := linear("unused")
	g.Inputs = append([]graph.Value{{Name: "unused", Type: tensor.Int32, Shape: graph.Dims(4)}}, g.Inputs...)
	p := compile(t, e, g, engine.Options{Outputs: []string{"y"}})
	x, want := question(t, 3)
	outputs := []*tensor.Tensor{nil}
	run(t, p, []*tensor.Tensor{tensor.New(tensor.Int32, 4), x}, outputs)
	same(t, "with an unused input", outputs[0], want)
}

func noInputs(t *testing.T, e engine.Engine) {
	c, err := tensor.Of([]float32{1, 2, 3}, 3)
	if err != nil {
		t.Fatal(err)
	}
	g := &graph.Graph{
		Name: "constant", Opsets: map[string]int64{"": 17},
		Outputs:      []graph.Value{{Name: "y", Type: tensor.Float32, Shape: graph.Dims()}},
		Initializers: []graph.Initializer{{Name: "c", Tensor: c}},
		Nodes: []*graph.Node{{
			Name: "sum", Op: "ReduceSum", Inputs: []string{"c"}, Outputs: []string{"y"},
			Attributes: []graph.Attribute{{Name: "keepdims", Value: int64(0)}},
		}},
	}
	p := compile(t, e, g, engine.Options{})
	outputs := []*tensor.Tensor{nil}
	run(t, p, nil, outputs)
	same(t, "sum of a constant", outputs[0], []float32{6})
}

// wrongCalls are refused with the model's name and the input's or output's; afterwards the program works as before.
func wrongCalls(t *testing.T, e engine.Engine) {
	p := compile(t, e, linear("model"), engine.Options{})
	x, want := question(t, 2)
	none := []*tensor.Tensor{nil}
	for _, c := range []struct {
		name            string
		inputs, outputs []*tensor.Tensor
		words           []string
	}{
		{"no input", nil, none, []string{"model", "1 inputs expected", "x", "found 0"}},
		{"two inputs", []*tensor.Tensor{x, x}, none, []string{"model", "found 2"}},
		{"missing input", none, none, []string{"model", `"x"`, "missing"}},
		{"type", []*tensor.Tensor{tensor.New(tensor.Float64, 2, 3)}, none, []string{"model", `"x"`, "float32", "float64"}},
		{"width", []*tensor.Tensor{tensor.New(tensor.Float32, 2, 4)}, none, []string{"model", `"x"`, "[batch 3]", "[2 4]"}},
		{"rank", []*tensor.Tensor{tensor.New(tensor.Float32, 6)}, none, []string{"model", `"x"`, "[6]"}},
		{"no room", []*tensor.Tensor{x}, nil, []string{"model", "1 outputs expected", "y"}},
		{"output's type", []*tensor.Tensor{x}, []*tensor.Tensor{tensor.New(tensor.Int32, 2, 2)}, []string{"model", `"y"`, "int32"}},
		{"output's width", []*tensor.Tensor{x}, []*tensor.Tensor{tensor.New(tensor.Float32, 2, 3)}, []string{"model", `"y"`, "[2 3]"}},
		{"output's batch", []*tensor.Tensor{x}, []*tensor.Tensor{tensor.New(tensor.Float32, 9, 2)}, []string{"model"}},
	} {
		refuses(t, c.name, p.Run(context.Background(), c.inputs, c.outputs), c.words...)
		outputs := []*tensor.Tensor{nil}
		run(t, p, []*tensor.Tensor{x}, outputs)
		same(t, "after "+c.name, outputs[0], want)
	}
}

// wrongGraphs pass the graph's own check but cannot run: the error names the model and the operator or node.
func wrongGraphs(t *testing.T, e engine.Engine) {
	unknown := linear("unknown")
	unknown.Nodes[0].Op = "Nonsense"
	_, err := e.Compile(context.Background(), unknown, engine.Options{})
	refuses(t, "unknown operator", err, "unknown", "Nonsense")

	attribute := copies(tensor.Float32, []int{4, 4})
	attribute.Name = "attribute"
	attribute.Nodes[0].Op = "Conv" // of rank 2 and without weights
	_, err = e.Compile(context.Background(), attribute, engine.Options{})
	refuses(t, "operator without its inputs", err, "attribute", "only node")

	reshape := copies(tensor.Float32, []int{-1})
	reshape.Name = "reshape"
	reshape.Outputs[0].Shape = graph.Dims(-1, -1)
	shape, err := tensor.Of([]int64{2, 3}, 2)
	if err != nil {
		t.Fatal(err)
	}
	reshape.Initializers = []graph.Initializer{{Name: "shape", Tensor: shape}}
	reshape.Nodes[0].Op, reshape.Nodes[0].Inputs = "Reshape", []string{"x", "shape"}
	if p := compile(t, e, reshape, engine.Options{}); p != nil {
		err = p.Run(context.Background(), []*tensor.Tensor{tensor.New(tensor.Float32, 7)}, []*tensor.Tensor{nil})
		refuses(t, "operator that fails in Run", err, "reshape", "only node", "Reshape")
	}

	_, err = e.Compile(context.Background(), copies(tensor.Float32, []int{1}), engine.Options{Threads: -1})
	refuses(t, "threads", err, "copies", "-1 threads")
	for _, device := range []string{"abacus", "cuda:x", "cpu:1"} {
		_, err = e.Compile(context.Background(), copies(tensor.Float32, []int{1}), engine.Options{Device: device})
		refuses(t, device, err, device)
	}
}

// sideBySide runs several programs at once, each from several goroutines.
func sideBySide(t *testing.T, e engine.Engine) {
	var group sync.WaitGroup
	for range 3 {
		p := compile(t, e, linear("linear"), engine.Options{Threads: 1})
		for worker := range 3 {
			group.Go(func() {
				for i := range 30 {
					batch := i + worker
					x, want := question(t, batch)
					outputs := []*tensor.Tensor{nil}
					if i%2 == 0 {
						outputs[0] = tensor.New(tensor.Float32, batch, 2)
					}
					err := p.Run(context.Background(), []*tensor.Tensor{x}, outputs)
					if batch == 0 && refused(t, e, err) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					same(t, fmt.Sprintf("batch %d", batch), outputs[0], want)
				}
			})
		}
	}
	group.Wait()
}

// interrupted cancels a run that would take hours, then runs the same program again. A long compilation is cancelled too.
func interrupted(t *testing.T, e engine.Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Compile(ctx, copies(tensor.Float32, []int{1}), engine.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Compile after the cancellation returned %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := e.Compile(ctx, constants(), engine.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Compile returned %v", err)
	}
	p := compile(t, e, countdown(), engine.Options{Threads: 1, Outputs: []string{"y"}})
	if p == nil {
		return
	}
	times := func(n int64) []*tensor.Tensor {
		x, err := tensor.Of([]int64{n})
		if err != nil {
			t.Fatal(err)
		}
		return []*tensor.Tensor{x}
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := p.Run(ctx, times(1<<50), []*tensor.Tensor{nil}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run returned %v", err)
	}
	if err := p.Run(ctx, times(3), []*tensor.Tensor{nil}); !errors.Is(err, context.Canceled) {
		t.Errorf("a run after the cancellation returned %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	outputs := []*tensor.Tensor{nil}
	if err := p.Run(ctx, times(3), outputs); err != nil || outputs[0].Floats()[0] != 3 {
		t.Errorf("the next run returned %v, %v", outputs[0], err)
	}
}

func closed(t *testing.T, e engine.Engine) {
	p := compile(t, e, linear("linear"), engine.Options{})
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	x, _ := question(t, 1)
	refuses(t, "Run after Close", p.Run(context.Background(), []*tensor.Tensor{x}, []*tensor.Tensor{nil}), "linear", "closed")
}

// compile returns nil where an engine that may refuse the graph does so.
func compile(t *testing.T, e engine.Engine, g *graph.Graph, o engine.Options) engine.Program {
	t.Helper()
	if err := g.Check(); err != nil {
		t.Fatal(err)
	}
	p, err := e.Compile(context.Background(), g, o)
	if refused(t, e, err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// refused says whether an error is a refusal of an engine that may refuse, and logs it.
func refused(t *testing.T, e engine.Engine, err error) bool {
	t.Helper()
	var lacks *engine.Unsupported
	if _, may := e.(partial); !may || !errors.As(err, &lacks) {
		return false
	}
	t.Logf("left out: %v", err)
	return true
}

func run(t *testing.T, p engine.Program, inputs, outputs []*tensor.Tensor) {
	t.Helper()
	if err := p.Run(context.Background(), inputs, outputs); err != nil {
		t.Fatal(err)
	}
}

// same compares exactly: the suite computes with small whole numbers.
func same(t *testing.T, what string, got *tensor.Tensor, want []float32) {
	t.Helper()
	if got.Type() != tensor.Float32 || !slices.Equal(tensor.Values[float32](got), want) {
		t.Errorf("%s: got %v, want %v", what, got.Floats(), want)
	}
}

// refuses wants an *engine.Error with these words.
func refuses(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	var e *engine.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got %v, want an *engine.Error", what, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q does not say %q", what, err, word)
		}
	}
}
