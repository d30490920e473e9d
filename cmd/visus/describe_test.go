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
	describeGradients(g, func(_, format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) })
	want := []string{
		"of x: through 1 Sum", "none goes through 1 Floor", "costs 1 more nodes and 0.0 million more multiply-adds an image",
		`of whole: none, as "whole" is int64, expected floating-point numbers`,
		"of apart: through 1 Sum", `no gradient rule: node "RotaryEmbedding" (RotaryEmbedding)`, "1 nodes without a rule in all",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
