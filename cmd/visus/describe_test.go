package main

import (
	"fmt"
	"strings"
	"testing"

	"visus/graph"
	"visus/tensor"
)

// TestDescribeGradients: inputs that have no gradient, operators that stop it, and nodes without a rule are told, not failed on.
func TestDescribeGradients(t *testing.T) {
	b := graph.NewBuilder("odd", graph.CommonOpset)
	shape := []graph.Dim{{Size: -1, Symbol: "batch"}, {Size: 4}}
	x, whole, apart := b.Input("x", tensor.Float32, shape...), b.Input("whole", tensor.Int64, shape...), b.Input("apart", tensor.Float32, shape...)
	stepped := b.Op("Floor", []graph.Value{x})
	numbers := b.Op("Cast", []graph.Value{whole}, graph.Attribute{Name: "to", Value: graph.TypeNumber(tensor.Float32)})
	b.Output("y", b.Op("Sum", []graph.Value{x, stepped, numbers, b.Op("RotaryEmbedding", []graph.Value{apart})}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	describeGradients(g, 0, func(_, format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) })
	want := []string{
		"of x: through 1 Sum", "none goes through 1 Floor", "costs 1 more nodes and 0.0 million more multiply-adds an image",
		`of whole: none, as "whole" is int64, expected floating-point numbers`,
		"of apart: through 1 Sum", `no gradient rule: node "RotaryEmbedding" (RotaryEmbedding)`, "1 nodes without a rule in all",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestDescribeGradientsOfAnySize: a size makes a gradient of a model that takes any; where nothing but steps lies on the way, it is zero.
func TestDescribeGradientsOfAnySize(t *testing.T) {
	b := graph.NewBuilder("any", graph.CommonOpset)
	free := graph.Dim{Size: -1}
	x, y := b.Input("x", tensor.Float32, free, graph.Dim{Size: 3}, free, free), b.Input("y", tensor.Float32, free)
	b.Output("pooled", b.GlobalAveragePool(x))
	b.Output("steps", b.Op("Floor", []graph.Value{y}))
	g, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int][]string{
		0: {`of x: none, as the shape [1, 3, ?, ?] of "x" is not fixed; give its free dimensions sizes (FixDims)`, "--size PIXELS gives the free dimensions sizes",
			"of y: zero everywhere, as none goes through 1 Floor"},
		8: {"of x: through 1 GlobalAveragePool", "costs 2 more nodes and 0.0 million more multiply-adds an image", "of y: zero everywhere, as none goes through 1 Floor"},
	} {
		var lines []string
		describeGradients(g, size, func(_, format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) })
		if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("size %d: got\n%s\nwant\n%s", size, got, strings.Join(want, "\n"))
		}
	}
}
