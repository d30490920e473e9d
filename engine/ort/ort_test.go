package ort

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"visus/engine"
	"visus/engine/enginetest"
	"visus/engine/library"
	"visus/graph"
	"visus/internal/onnx"
	"visus/tensor"
)

func TestEngine(t *testing.T) { enginetest.Run(t, open(t)) }

func TestOpen(t *testing.T) {
	e := open(t)
	again, err := Open(Options{Library: e.Library()})
	if err != nil || again != e {
		t.Errorf("the second Open returned %v, %v", again, err)
	}
	if _, err := Open(Options{Library: "other.so"}); err == nil || !strings.Contains(err.Error(), "already loaded") {
		t.Errorf("another library in one process: %v", err)
	}
	if !strings.HasPrefix(e.Name(), "onnxruntime 1.") || strings.TrimPrefix(e.Name(), "onnxruntime ") != e.Version() {
		t.Errorf("name %q, version %q", e.Name(), e.Version())
	}
}

// TestOpenFails looks at what a fresh process says without a usable library.
func TestOpenFails(t *testing.T) {
	if value := os.Getenv("VISUS_TEST_OPEN"); value != "" {
		_, err := Open(Options{})
		if err == nil {
			os.Exit(1)
		}
		os.Stdout.WriteString(err.Error())
		os.Exit(0)
	}
	if _, err := Open(Options{}); errors.Is(err, ErrNoBinding) {
		t.Skip(err)
	}
	notLibrary := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(notLibrary, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for value, words := range map[string][]string{
		"/absent/libonnxruntime.so": {"VISUS_ONNXRUNTIME is set to", "make runtime"},
		notLibrary:                  {"ONNX Runtime 1.24 or later is needed", notLibrary, "make runtime"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOpenFails$")
		cmd.Env = append(os.Environ(), "VISUS_TEST_OPEN=1", library.ONNXRuntime.Variable+"="+value)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, word := range words {
			if !strings.Contains(string(out), word) {
				t.Errorf("%s: %q does not say %q", value, out, word)
			}
		}
		if strings.Contains(string(out), "\n") {
			t.Errorf("%s: more than one line: %q", value, out)
		}
	}
}

// TestExplain reads messages as ONNX Runtime 1.30 wrote them.
func TestExplain(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{
			"Non-zero status code returned while running Conv node. Name:'the node' Status Message: Input channels C is not equal to kernel channels * group. C: 3 kernel channels: 4 group: 1",
			`ort: m.onnx: node "the node" (Conv): Input channels C is not equal to kernel channels * group. C: 3 kernel channels: 4 group: 1`,
		}, {
			"Non-zero status code returned while running Concat node. Name:'/a/Concat' Status Message: concatbase.h:133 PrepareForComputeImpl Non concat axis dimensions must match: Axis 1 has mismatched dimensions of 4 and 3",
			`ort: m.onnx: node "/a/Concat" (Concat): Non concat axis dimensions must match: Axis 1 has mismatched dimensions of 4 and 3`,
		}, {
			`This is an invalid model. In Node, ("the node", Conv, "", -1) : ("a": tensor(float),"b": tensor(float),) -> ("y": tensor(float),) , Error Unrecognized attribute: bogus for operator Conv`,
			`ort: m.onnx: node "the node" (Conv): Unrecognized attribute: bogus for operator Conv`,
		}, {
			"Type Error: Type (tensor(float)) of output arg (y) of node (the node) does not match expected type (tensor(float16)).",
			`ort: m.onnx: node "the node": Type Error: Type (tensor(float)) of output arg (y) of node (the node) does not match expected type (tensor(float16)).`,
		}, {
			"Fatal error: visus:Foo(-1) is not a registered function/op",
			"ort: m.onnx: operator visus:Foo: Fatal error: visus:Foo(-1) is not a registered function/op",
		},
		{
			"Non-zero status code returned while running Add node. Name:'a' Status Message: /src/core/framework/element_wise_ops.h:540 void onnxruntime::BroadcastIterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 || axis == largest was false. Attempting to broadcast an axis by a dimension other than 1. 2 by 4",
			`ort: m.onnx: node "a" (Add): axis == 1 || axis == largest was false. Attempting to broadcast an axis by a dimension other than 1. 2 by 4`,
		},
		{"out of memory", "ort: m.onnx: out of memory"},
	} {
		if got := explain("m.onnx", errors.New(c.said)).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// sequenceModel has an output of numbers and one that is a sequence.
func sequenceModel(t *testing.T) *graph.Graph {
	t.Helper()
	numbers := &onnx.TypeProto{Value: &onnx.TypeProto_TensorType{TensorType: &onnx.TypeProto_Tensor{ElemType: proto.Int32(1)}}}
	list := &onnx.TypeProto{Value: &onnx.TypeProto_SequenceType{SequenceType: &onnx.TypeProto_Sequence{ElemType: numbers}}}
	data, err := proto.Marshal(&onnx.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnx.GraphProto{
			Name:  proto.String("lists"),
			Input: []*onnx.ValueInfoProto{{Name: proto.String("x"), Type: numbers}},
			Output: []*onnx.ValueInfoProto{
				{Name: proto.String("list"), Type: list},
				{Name: proto.String("y"), Type: numbers},
			},
			Node: []*onnx.NodeProto{
				{OpType: proto.String("SequenceConstruct"), Input: []string{"x", "x"}, Output: []string{"list"}},
				{OpType: proto.String("Neg"), Input: []string{"x"}, Output: []string{"y"}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := graph.Decode(data, "")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestSequenceOutput: what is no tensor is refused by name, but only where it is asked for.
func TestSequenceOutput(t *testing.T) {
	e, ctx := open(t), context.Background()
	g := sequenceModel(t)
	_, err := e.Compile(ctx, g, engine.Options{})
	if err == nil || !strings.Contains(err.Error(), `output "list" is not a tensor of numbers`) {
		t.Errorf("Compile returned %v", err)
	}
	p, err := e.Compile(ctx, g, engine.Options{Outputs: []string{"y"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	x, err := tensor.Of([]float32{1, -2}, 2)
	if err != nil {
		t.Fatal(err)
	}
	out := []*tensor.Tensor{nil}
	if err := p.Run(ctx, []*tensor.Tensor{x}, out); err != nil || !slices.Equal(out[0].Floats(), []float64{-1, 2}) {
		t.Errorf("got %v, %v", out[0], err)
	}
}

// TestLargeModel compiles through a folder as graphs beyond protobuf's 2 GB do.
func TestLargeModel(t *testing.T) {
	open(t)
	w := tensor.New(tensor.Float32, 500)
	tensor.Values[float32](w)[499] = 3
	g := &graph.Graph{
		Name: "large", Opsets: map[string]int64{"": 17},
		Outputs:      []graph.Value{{Name: "y", Type: tensor.Float32, Shape: graph.Dims(500)}},
		Initializers: []graph.Initializer{{Name: "w", Tensor: w}},
		Nodes:        []*graph.Node{{Name: "n", Op: "Neg", Inputs: []string{"w"}, Outputs: []string{"y"}}},
	}
	src := source{name: "large", ports: engine.Ports{Outputs: g.Outputs}}
	remove, err := src.serialise(g, 1000)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(src.model.path), "*"))
	if err != nil || len(files) != 2 || len(src.model.bytes) > 0 {
		t.Fatalf("a model and a file of weights expected, found %v, %v", files, err)
	}
	p, err := compile(context.Background(), src, engine.Options{})
	remove()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := os.Stat(src.model.path); err == nil {
		t.Error("the folder is left behind")
	}
	out := []*tensor.Tensor{nil}
	if err := p.Run(context.Background(), nil, out); err != nil || out[0].Floats()[499] != -3 {
		t.Errorf("got %v, %v", out[0], err)
	}
}

// BenchmarkRun measures what a Run costs beyond its operators: y = -x of one number.
func BenchmarkRun(b *testing.B) {
	e := open(b)
	scalar := graph.Dims(1)
	g := &graph.Graph{
		Name: "trivial", Opsets: map[string]int64{"": 17},
		Inputs:  []graph.Value{{Name: "x", Type: tensor.Float32, Shape: scalar}},
		Outputs: []graph.Value{{Name: "y", Type: tensor.Float32, Shape: scalar}},
		Nodes:   []*graph.Node{{Name: "n", Op: "Neg", Inputs: []string{"x"}, Outputs: []string{"y"}}},
	}
	p, err := e.Compile(context.Background(), g, engine.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	in := []*tensor.Tensor{tensor.New(tensor.Float32, 1)}
	cancellable, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		out  *tensor.Tensor
	}{
		{"given", context.Background(), tensor.New(tensor.Float32, 1)},
		{"given,cancellable", cancellable, tensor.New(tensor.Float32, 1)},
		{"new", context.Background(), nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			out := make([]*tensor.Tensor, 1)
			for b.Loop() {
				out[0] = c.out
				if err := p.Run(c.ctx, in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkState measures what a Run with states costs beyond its operators: their number matters (170 are those of a ResNet-20 with
// momentum), their size does not, as nothing is copied.
func BenchmarkState(b *testing.B) {
	e := open(b)
	for _, c := range []struct{ states, elements int }{{1, 1}, {170, 1}, {2, 4 << 20}} {
		g := &graph.Graph{Name: "resident", Opsets: map[string]int64{"": 17}}
		value := func(name string, n int) graph.Value {
			return graph.Value{Name: name, Type: tensor.Float32, Shape: graph.Dims(n)}
		}
		g.Inputs, g.Outputs = []graph.Value{value("x", 1)}, []graph.Value{value("y", 1)}
		g.Nodes = []*graph.Node{{Name: "n", Op: "Neg", Inputs: []string{"x"}, Outputs: []string{"y"}}}
		var states []engine.State
		for i := range c.states {
			name := fmt.Sprint("state", i)
			g.Inputs = append(g.Inputs, value(name, c.elements))
			states = append(states, engine.State{Input: name})
		}
		p, err := e.Compile(context.Background(), g, engine.Options{State: states})
		if err != nil {
			b.Fatal(err)
		}
		in, out := []*tensor.Tensor{tensor.New(tensor.Float32, 1)}, []*tensor.Tensor{tensor.New(tensor.Float32, 1)}
		b.Run(fmt.Sprintf("%dx%d", c.states, c.elements), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Run(context.Background(), in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
		p.Close()
	}
}
