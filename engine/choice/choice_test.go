package choice

import (
	"context"
	"errors"
	"strings"
	"testing"

	"visus/engine"
	"visus/engine/enginetest"
	"visus/engine/library"
	"visus/graph"
	"visus/graph/grad"
	"visus/tensor"
)

// gradients is a graph with the gradient of the sum of an operator's output.
func gradients(t *testing.T, op string, attributes ...graph.Attribute) *graph.Graph {
	t.Helper()
	b := graph.NewBuilder("test", 20)
	x := b.Input("x", tensor.Float32, graph.Dims(1, 1, 4, 4)...)
	y := b.Op(op, []graph.Value{x}, attributes...)
	b.Output("loss", b.Op("ReduceSum", []graph.Value{y}, graph.Attribute{Name: "keepdims", Value: int64(0)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	names, err := grad.Append(g, "loss", "x")
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = append(g.Outputs, graph.Value{Name: names["x"], Type: tensor.Float32, Shape: graph.Dims(1, 1, 4, 4)})
	return g
}

func TestSuits(t *testing.T) {
	pool := []graph.Attribute{{Name: "kernel_shape", Value: []int64{2, 2}}, {Name: "strides", Value: []int64{2, 2}}}
	learnt := gradients(t, "MaxPool", pool...)
	for _, c := range []struct {
		g      *graph.Graph
		o      engine.Options
		name   string
		reason string
	}{
		{learnt, engine.Options{}, OneDNN, "it has gradients"},
		{learnt, engine.Options{Device: "cuda"}, ORT, "device cuda"},
		{&graph.Graph{}, engine.Options{State: []engine.State{{Input: "w", Output: "next"}}}, OneDNN, "it changes its state"},
		{&graph.Graph{}, engine.Options{State: []engine.State{{Input: "w"}}}, ORT, "it neither learns nor has gradients"},
		{averaged(t, 0, 2, 3), engine.Options{}, OneDNN, "it normalises by the statistics of its batch"},
		{averaged(t, 2, 3), engine.Options{}, ORT, "it neither learns nor has gradients"},
	} {
		if name, reason := Suits(c.g, c.o); name != c.name || reason != c.reason {
			t.Errorf("%s, %q; expected %s, %q", name, reason, c.name, c.reason)
		}
	}
}

// averaged is a graph with a mean over axes.
func averaged(t *testing.T, axes ...int64) *graph.Graph {
	b := graph.NewBuilder("mean", 18)
	b.Output("y", b.Op("ReduceMean", []graph.Value{b.Input("x", tensor.Float32, graph.Dims(2, 3, 4, 4)...), b.Ints(axes...)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestBy(t *testing.T) {
	for name, want := range map[string]string{
		"onnxruntime 1.30.0": ORT, "onednn 3.2.0": OneDNN, "onnxruntime 1.30.0, onednn 3.2.0": Auto, "": Auto,
	} {
		if got := By(name); got != want {
			t.Errorf("By(%q) is %q, expected %q", name, got, want)
		}
	}
}

// automaticEngine skips the test where a library is missing.
func automaticEngine(t *testing.T, say func(string)) engine.Engine {
	t.Helper()
	e, err := Open(Options{Say: say})
	var missing *library.NotFoundError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if e.(*automatic).learner == nil {
		t.Skip(e.(*automatic).lacking)
	}
	return e
}

// TestFallback compiles what oneDNN takes, what it lacks, and what is not for it.
func TestFallback(t *testing.T) {
	var said string
	e := automaticEngine(t, func(text string) { said = text })
	for _, c := range []struct {
		g    *graph.Graph
		want string
	}{
		{gradients(t, "MaxPool", graph.Attribute{Name: "kernel_shape", Value: []int64{2, 2}}), "engine: onednn "},
		{gradients(t, "AveragePool", graph.Attribute{Name: "kernel_shape", Value: []int64{3, 3}}, graph.Attribute{Name: "strides", Value: []int64{2, 2}},
			graph.Attribute{Name: "ceil_mode", Value: int64(1)}, graph.Attribute{Name: "count_include_pad", Value: int64(1)}), "AveragePool"},
	} {
		p, err := e.Compile(context.Background(), c.g, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		x := tensor.New(tensor.Float32, 1, 1, 4, 4)
		for i, v := 0, tensor.Values[float32](x); i < len(v); i++ {
			v[i] = float32(i + 1)
		}
		if err := p.Run(context.Background(), []*tensor.Tensor{x}, make([]*tensor.Tensor, len(p.Outputs()))); err != nil {
			t.Error(err)
		}
		p.Close()
		if !strings.Contains(said, c.want) {
			t.Errorf("said %q; expected %q in it", said, c.want)
		}
	}
}

// TestLacking is a machine without oneDNN.
func TestLacking(t *testing.T) {
	e := automaticEngine(t, nil).(*automatic)
	said := ""
	alone := &automatic{general: e.general, lacking: errors.New("there is none"), say: func(text string) { said = text }}
	p, err := alone.Compile(context.Background(), gradients(t, "MaxPool", graph.Attribute{Name: "kernel_shape", Value: []int64{2, 2}}), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if !strings.HasPrefix(said, "engine: onnxruntime ") || !strings.HasSuffix(said, "there is none") {
		t.Errorf("said %q", said)
	}
}

func TestEngine(t *testing.T) { enginetest.Run(t, automaticEngine(t, nil)) }
