package onednn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"visus/engine"
	"visus/engine/library"
	"visus/graph"
	"visus/graph/grad"
	"visus/internal/golden"
	"visus/tensor"
)

// open skips the test where there is no library, or none can be loaded.
func open(t testing.TB) *Engine {
	t.Helper()
	e, err := Open(Options{})
	var missing *library.NotFoundError
	if errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestGoldenGraph holds outputs, and gradients with respect to inputs, of the graphs in the folder to PyTorch's. Graphs that the engine
// refuses it lists; all cases are taken.
func TestGoldenGraph(t *testing.T) {
	e := open(t)
	dir := golden.Dir(t, "graph")
	index := golden.JSON[golden.GraphCases](t, filepath.Join(dir, "index.json"))
	refused := map[string][]string{}
	taken, files, compared := 0, 0, 0
	for _, c := range index.Cases {
		arrays := golden.Arrays(t, filepath.Join(dir, c.Name+".npz"))
		whole := false
		for _, exporter := range c.Exporters {
			files++
			n, err := goldenCase(e, filepath.Join(dir, c.Name+"."+exporter+".onnx"), arrays, c.Output, c.Gradient)
			compared += n
			var lacks *engine.Unsupported
			if errors.As(err, &lacks) {
				refused[lacks.Operator+": "+lacks.Reason] = append(refused[lacks.Operator+": "+lacks.Reason], c.Name+"."+exporter)
				continue
			}
			whole = true
			if err != nil {
				t.Errorf("%s.%s: %v", c.Name, exporter, err)
			}
		}
		if whole {
			taken++
		}
	}
	for _, why := range slices.Sorted(maps.Keys(refused)) {
		t.Logf("refused for %s: %v", why, refused[why])
	}
	t.Logf("%d of %d cases taken (%d files), %d arrays compared", taken, len(index.Cases), files, compared)
	if taken < len(index.Cases) || compared == 0 {
		t.Errorf("all cases expected")
	}
}

func goldenCase(e *Engine, path string, arrays map[string]*tensor.Tensor, output, gradient float64) (compared int, err error) {
	g, err := graph.Load(path)
	if err != nil {
		return 0, err
	}
	values := map[string]*tensor.Tensor{}
	want := make([]*tensor.Tensor, len(g.Outputs))
	var wrt, outputs, cotangents []string
	for i, v := range g.Inputs {
		values[v.Name] = arrays[fmt.Sprint("in", i)]
		if arrays[fmt.Sprint("grad_in", i)] != nil {
			wrt = append(wrt, v.Name)
			want = append(want, arrays[fmt.Sprint("grad_in", i)])
		}
	}
	for i, v := range g.Outputs {
		want[i] = arrays[fmt.Sprint("out", i)]
		cotangent := arrays[fmt.Sprint("cot", i)]
		if cotangent == nil {
			continue // an output of integers
		}
		name := g.Fresh(fmt.Sprint("cot", i))
		outputs, cotangents, values[name] = append(outputs, v.Name), append(cotangents, name), cotangent
		g.Inputs = append(g.Inputs, graph.Value{Name: name, Type: cotangent.Type(), Shape: graph.Dims(cotangent.Shape()...)})
	}
	forward := len(g.Outputs)
	names, err := grad.VJP(g, outputs, cotangents, wrt)
	if err != nil {
		return 0, err
	}
	facts, err := g.InferShapes()
	if err != nil {
		return 0, err
	}
	for _, name := range wrt {
		g.Outputs = append(g.Outputs, facts[names[name]])
	}
	for threads := 1; threads <= 2; threads++ {
		p, err := e.Compile(context.Background(), g, engine.Options{Threads: threads})
		if err != nil {
			return 0, err
		}
		defer p.Close()
		inputs := make([]*tensor.Tensor, len(p.Inputs()))
		for i, v := range p.Inputs() {
			inputs[i] = values[v.Name]
		}
		got := make([]*tensor.Tensor, len(p.Outputs()))
		for range 2 {
			if err := p.Run(context.Background(), inputs, got); err != nil {
				return 0, err
			}
		}
		for i := range got {
			tolerance := output
			if i >= forward {
				tolerance = gradient
			}
			if want[i] == nil {
				continue
			}
			compared++
			if err := golden.Near(got[i], want[i], tolerance); err != nil {
				return compared, fmt.Errorf("output %q: %w", p.Outputs()[i].Name, err)
			}
		}
	}
	return compared, nil
}
