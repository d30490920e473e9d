package graph

import (
	"fmt"
	"strings"
	"testing"

	"visus/tensor"
)

// fixed is a network as exporters write it for one batch size: every constant shape holds the batch.
func fixed(t testing.TB, batch int, opset int64) *Graph {
	b := NewBuilder("fixed", opset)
	x := b.Input("x", tensor.Float32, Dims(batch, 4, 6, 6)...)
	size := int64(batch)
	x = b.Op("Resize", []Value{x, {}, {}, b.Ints(size, 4, 12, 12)}, Attribute{Name: "mode", Value: "nearest"})
	x = b.Op("Reshape", []Value{x, b.Ints(size, 2, 2, 144)}, Attribute{Name: "allowzero", Value: int64(1)})
	norm := b.Op("ReduceL2", []Value{x}, Attribute{Name: "axes", Value: []int64{3}})
	if opset >= 18 {
		norm = b.Op("ReduceL2", []Value{x, b.Ints(3)})
	}
	x = b.Op("Div", []Value{x, b.Op("Expand", []Value{norm, b.Ints(size, 2, 2, 144)})})
	b.Output("y", b.Op("Reshape", []Value{x, b.Ints(size, -1)}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestFreeBatch(t *testing.T) {
	for _, batch := range []int{1, 2, 7} {
		g := fixed(t, batch, 18)
		if err := g.FreeBatch("batch"); err != nil {
			t.Fatal(err)
		}
		legal(t, g)
		if got := fmt.Sprint(g.Inputs[0].Shape, g.Outputs[0].Shape); got != "[batch 4 6 6] [batch 576]" {
			t.Errorf("batch %d becomes %s", batch, got)
		}
		if err := g.FixDims(map[string][]int{"batch": {3}}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(g.Outputs[0].Shape); got != "[3 576]" {
			t.Errorf("batch %d, freed and fixed to 3, gives %s", batch, got)
		}
	}
	g := fixed(t, 2, 17) // Resize cannot leave axes out before opset 18
	before := written(g)
	if err := g.FreeBatch("batch"); err == nil || !strings.Contains(err.Error(), `"Resize"`) || !strings.Contains(err.Error(), `output "y"`) {
		t.Errorf("opset 17: %v", err)
	}
	if after := written(g); strings.Join(after, ";") != strings.Join(before, ";") || !g.Inputs[0].Shape[0].Fixed() {
		t.Errorf("a refused edit changed the graph: %v", after)
	}
}

func TestFixDims(t *testing.T) {
	free := func() *Graph {
		b := NewBuilder("free", 17)
		x := b.Input("x", tensor.Float32, Dim{Size: -1, Symbol: "n"}, Dim{Size: 3}, Dim{Size: -1}, Dim{Size: -1})
		y := b.Input("y", tensor.Float32, Dim{Size: -1, Symbol: "n"}, Dim{Size: 1}, Dim{Size: 1}, Dim{Size: 1})
		b.Output("z", b.Add(x, y))
		g, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g := free()
	if err := g.FixDims(map[string][]int{"x": {4, -1, 8, -1}}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(g.Inputs[0].Shape, g.Inputs[1].Shape, g.Outputs[0].Shape); got != "[4 3 8 ?] [4 1 1 1] [4 3 8 ?]" {
		t.Errorf("shapes are %s", got)
	}
	for want, sizes := range map[string]map[string][]int{
		`"m"`:            {"m": {4}},
		"takes one size": {"n": {4, 5}},
		"found 3 sizes":  {"x": {1, 3, 8}},
		"cannot be 4":    {"x": {1, 4, 8, 8}},
	} {
		g := free()
		if err := g.FixDims(sizes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v; expected it to say %q", sizes, err, want)
		}
		if got := fmt.Sprint(g.Inputs[0].Shape); got != "[n 3 ? ?]" {
			t.Errorf("%v was refused but changed the input to %s", sizes, got)
		}
	}
}
