package ort

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"visus/engine"
	"visus/engine/library"
	"visus/graph"
	"visus/internal/golden"
	"visus/tensor"
)

// open skips the test where there is no library, or none can be loaded.
func open(t testing.TB) *Engine {
	t.Helper()
	e, err := Open(Options{})
	var missing *library.NotFoundError
	if errors.As(err, &missing) || errors.Is(err, ErrNoBinding) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// cases is the format of index.json.
type cases struct {
	Cases []struct {
		Name      string
		Exporters []string
		Tolerance float64 `json:"tolerance_output"` // of the largest entry
	}
}

func TestGoldenGraph(t *testing.T) {
	e := open(t)
	dir := golden.Dir(t, "graph")
	index := golden.JSON[cases](t, filepath.Join(dir, "index.json"))
	compared := 0
	for _, c := range index.Cases {
		arrays := golden.Arrays(t, filepath.Join(dir, c.Name+".npz"))
		for _, exporter := range c.Exporters {
			first, err := graph.Load(filepath.Join(dir, c.Name+"."+exporter+".onnx"))
			if err != nil {
				t.Error(err)
				continue
			}
			again := filepath.Join(t.TempDir(), "again.onnx")
			if err := first.Save(again, graph.SaveOptions{}); err != nil {
				t.Error(err)
				continue
			}
			second, err := graph.Load(again)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, g := range []*graph.Graph{first, second} {
				if err := agree(e, g, arrays, c.Tolerance); err != nil {
					t.Errorf("%s.%s: %v", c.Name, exporter, err)
				}
			}
			compared++
		}
	}
	if compared == 0 {
		t.Fatal("index.json names no case")
	}
	t.Logf("compared %d cases, each twice", compared)
}

// agree runs the graph on in0, in1, ... and compares with out0, out1, ...: with new outputs and with given ones.
func agree(e *Engine, g *graph.Graph, arrays map[string]*tensor.Tensor, tolerance float64) error {
	ctx := context.Background()
	p, err := e.Compile(ctx, g, engine.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer p.Close()
	inputs := make([]*tensor.Tensor, len(p.Inputs()))
	for i := range inputs {
		inputs[i] = arrays[fmt.Sprint("in", i)]
	}
	outputs := make([]*tensor.Tensor, len(p.Outputs()))
	for range 2 { // the second time into the tensors of the first
		if err := p.Run(ctx, inputs, outputs); err != nil {
			return err
		}
		for i, got := range outputs {
			want := arrays[fmt.Sprint("out", i)]
			if want == nil {
				return fmt.Errorf("output %d is not among the golden arrays", i)
			}
			if err := near(got, want, tolerance); err != nil {
				return fmt.Errorf("output %d: %w", i, err)
			}
		}
	}
	return nil
}

func near(got, want *tensor.Tensor, tolerance float64) error {
	if fmt.Sprint(got.Shape()) != fmt.Sprint(want.Shape()) {
		return fmt.Errorf("shape %v, want %v", got.Shape(), want.Shape())
	}
	a, b := got.Floats(), want.Floats()
	largest := 0.0
	for _, v := range b {
		largest = max(largest, math.Abs(v))
	}
	for i := range a {
		if !(math.Abs(a[i]-b[i]) <= tolerance*largest) && a[i] != b[i] {
			return fmt.Errorf("element %d is %g, want %g (largest %g)", i, a[i], b[i], largest)
		}
	}
	return nil
}
