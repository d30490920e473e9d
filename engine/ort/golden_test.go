package ort

import (
	"context"
	"errors"
	"fmt"
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

func TestGoldenGraph(t *testing.T) {
	e := open(t)
	dir := golden.Dir(t, "graph")
	index := golden.JSON[golden.GraphCases](t, filepath.Join(dir, "index.json"))
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
			last := len(first.Outputs) - 1
			for _, err := range []error{
				agree(e, first, nil, arrays, c.Output),
				agree(e, second, nil, arrays, c.Output),
				agree(e, first, []int{last}, arrays, c.Output),
			} {
				if err != nil {
					t.Errorf("%s.%s: %v", c.Name, exporter, err)
				}
			}
			compared++
		}
	}
	if compared == 0 {
		t.Fatal("index.json names no case")
	}
	t.Logf("compared %d cases, each as loaded, as loaded, saved and loaded again, and with its last output only", compared)
}

// agree runs the graph on in0, in1, ... and compares the chosen outputs (nil: all) with out0, out1, ...: new tensors, then given ones.
func agree(e *Engine, g *graph.Graph, chosen []int, arrays map[string]*tensor.Tensor, tolerance float64) error {
	o := engine.Options{Threads: 1}
	for _, k := range chosen {
		o.Outputs = append(o.Outputs, g.Outputs[k].Name)
	}
	if chosen == nil {
		for k := range g.Outputs {
			chosen = append(chosen, k)
		}
	}
	p, err := e.Compile(context.Background(), g, o)
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
		if err := p.Run(context.Background(), inputs, outputs); err != nil {
			return err
		}
		for i, k := range chosen {
			want := arrays[fmt.Sprint("out", k)]
			if want == nil {
				return fmt.Errorf("output %d is not among the golden arrays", k)
			}
			if err := golden.Near(outputs[i], want, tolerance); err != nil {
				return fmt.Errorf("output %d: %w", k, err)
			}
		}
		for i := range outputs {
			clear(outputs[i].Bytes())
		}
	}
	return nil
}
