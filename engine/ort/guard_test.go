//go:build unix && cgo

package ort

import (
	"context"
	"fmt"
	"testing"

	"visus/engine"
	"visus/graph"
	"visus/tensor"
)

// TestGuard: what makes ONNX Runtime crash compiles; the caller's graph stays as it was.
func TestGuard(t *testing.T) {
	e := open(t)
	compile := func(g *graph.Graph) error {
		before := fmt.Sprint(g.Nodes[0].Outputs)
		p, err := e.Compile(context.Background(), g, engine.Options{})
		if err == nil {
			p.Close()
		}
		if after := fmt.Sprint(g.Nodes[0].Outputs); after != before {
			t.Errorf("the node's outputs were %s and are %s", before, after)
		}
		return err
	}
	split := func() *graph.Graph {
		b := graph.NewBuilder("split", 18)
		parts := b.Ops("Split", 3, []graph.Value{b.Input("x", tensor.Float32, graph.Dims(6)...)}, graph.Attribute{Name: "num_outputs", Value: int64(3)})
		b.Output("first", parts[0])
		b.Output("last", parts[2])
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		g.Nodes[0].Outputs[1] = ""
		return g
	}
	if err := compile(split()); err != nil {
		t.Errorf("a Split with an output left out: %v", err)
	}
	for equation, shapes := range map[string][2][]int{
		"...ij,...jk->...ik": {{2, 3}, {4, 3, 2}}, "... i, ...i -> ...": {{3}, {4, 3}}, "...i,...i": {{3}, {4, 3}}, "i...,i...->...i": {{3}, {3}},
	} {
		b := graph.NewBuilder("einsum", 18)
		x, y := b.Input("x", tensor.Float32, graph.Dims(shapes[0]...)...), b.Input("y", tensor.Float32, graph.Dims(shapes[1]...)...)
		b.Output("z", b.Op("Einsum", []graph.Value{x, y}, graph.Attribute{Name: "equation", Value: equation}))
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		if err := compile(g); err != nil {
			t.Errorf("%s of %v: %v", equation, shapes, err)
		}
		if got := g.Nodes[0].Text("equation", ""); got != equation {
			t.Errorf("the equation was %q and is %q", equation, got)
		}
	}
}
