package graph

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"visus/internal/golden"
	"visus/tensor"
)

// TestGoldenInferShapes compares inferred output shapes with those of the arrays that the exporter's network gave. The shapes that the
// file states are taken away first, so that the rules alone must find them.
func TestGoldenInferShapes(t *testing.T) {
	compared, open, without := 0, 0, map[string]bool{}
	for _, path := range golden.Files(t, "graph", "*.onnx") {
		g, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		g.Known = nil
		for i := range g.Outputs {
			g.Outputs[i].Shape = nil
		}
		for _, n := range g.Nodes {
			if ruleOf(n.Op) == nil && evaluators[n.Op] == nil {
				without[n.Op] = true
			}
		}
		values, err := g.InferShapes()
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		arrays := golden.Arrays(t, filepath.Join(filepath.Dir(path), name+".npz"))
		for i, out := range g.Outputs {
			want := arrays["out"+strconv.Itoa(i)]
			if want == nil {
				continue
			}
			got, fixed := values[out.Name].Sizes()
			if !fixed {
				open++
				t.Logf("%s: output %d is inferred as %v, it is %v", filepath.Base(path), i, values[out.Name].Shape, want.Shape())
				continue
			}
			compared++
			if !slices.Equal(got, want.Shape()) {
				t.Errorf("%s: output %d is inferred as %v, it is %v", filepath.Base(path), i, got, want.Shape())
			}
		}
	}
	if compared == 0 {
		t.Fatal("nothing compared")
	}
	t.Logf("compared %d cases, %d outputs left open, operators without a rule: %v", compared, open, slices.Sorted(maps.Keys(without)))
}

// TestInferSubgraphs: a loop that doubles and stacks, and a scan that sums, as an If does in TestInline.
func TestInferSubgraphs(t *testing.T) {
	body := func(nodes []*Node, in, out []string) *Graph {
		g := &Graph{Nodes: nodes}
		for _, name := range in {
			g.Inputs = append(g.Inputs, Value{Name: name})
		}
		for _, name := range out {
			g.Outputs = append(g.Outputs, Value{Name: name})
		}
		return g
	}
	double := body([]*Node{
		{Op: "Identity", Inputs: []string{"go"}, Outputs: []string{"on"}},
		{Op: "Add", Inputs: []string{"v", "v"}, Outputs: []string{"w"}},
		{Op: "ReduceSum", Inputs: []string{"x"}, Outputs: []string{"s"}}, // captured
	}, []string{"turn", "go", "v"}, []string{"on", "w", "s"})
	sum := body([]*Node{{Op: "Add", Inputs: []string{"state", "slice"}, Outputs: []string{"next"}},
		{Op: "Shape", Inputs: []string{"slice"}, Outputs: []string{"size"}}}, []string{"state", "slice"}, []string{"next", "size"})
	b := NewBuilder("control", 17)
	x := b.Input("x", tensor.Float32, Dims(5, 2, 3)...)
	start := b.Input("start", tensor.Float32, Dims(2, 3)...)
	loop := b.Ops("Loop", 2, []Value{{}, {}, start}, Attribute{Name: "body", Value: double})
	scan := b.Ops("Scan", 2, []Value{start, x}, Attribute{Name: "body", Value: sum}, Attribute{Name: "num_scan_inputs", Value: int64(1)})
	if err := b.Err(); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		v     Value
		kind  tensor.Type
		shape string
	}{
		{loop[0], tensor.Float32, "[]"}, {loop[1], tensor.Float32, "[? 1 1 1]"}, {scan[0], tensor.Float32, "[2 3]"}, {scan[1], tensor.Int64, "[5 2]"},
	} {
		if c.v.Type != c.kind || fmt.Sprint(c.v.Shape) != c.shape {
			t.Errorf("output %d is %s %v, expected %s %s", i, c.v.Type, c.v.Shape, c.kind, c.shape)
		}
	}
	if loop[0].Shape != nil {
		t.Errorf("what the loop carries may change its shape, found %v", loop[0].Shape)
	}
	for i, v := range append(loop, scan...) {
		b.Output("out"+strconv.Itoa(i), v)
	}
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	data, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(data, "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "control flow", g, again)
	if err := again.Rename("x", "renamed"); err != nil {
		t.Fatal(err)
	}
	legal(t, again)
}

func TestInferScalars(t *testing.T) {
	b := NewBuilder("scalars", 18)
	x, at := b.Input("x", tensor.Float32, Dims(5)...), b.Input("at", tensor.Int64, []Dim{}...)
	list := b.Input("list", tensor.Int64, Dims(1)...)
	for op, v := range map[string]Value{
		"Gather":   b.Op("Gather", []Value{x, at}),
		"GatherND": b.Op("GatherND", []Value{x, list}),
		"Einsum":   b.Op("Einsum", []Value{x, x}, Attribute{Name: "equation", Value: "i,i->"}),
	} {
		if v.Shape == nil || len(v.Shape) != 0 {
			t.Errorf("%s: shape %#v, expected that of a scalar", op, v.Shape)
		}
	}
}

func TestInferEinsum(t *testing.T) {
	for equation, want := range map[string]string{
		"bhid,bhjd->bhij":    "[2 3 4 4]",
		"b...d , bhjd":       "[3 4 3 4]",
		"...ij,...jk->...ik": "error",
		"...id,...jd->...ij": "[2 3 4 4]",
		"...id,h...->...i":   "error",
		"bh..,bhjd->bh":      "error",
		"bhid,bhjd->bhz":     "error",
		"bhid,bhjd->bb":      "error",
		"bh9d,bhjd->bh":      "error",
		"bhéd,bhjd->bh":      "error",
	} {
		b := NewBuilder("einsum", 18)
		x := b.Input("x", tensor.Float32, Dims(2, 3, 4, 5)...)
		y := b.Op("Einsum", []Value{x, x}, Attribute{Name: "equation", Value: equation})
		if got := fmt.Sprint(y.Shape); b.Err() == nil && got != want || b.Err() != nil && want != "error" {
			t.Errorf("%s: %s, expected %s (%v)", equation, got, want, b.Err())
		}
	}
}
