package ort

import (
	"fmt"
	"slices"

	"visus/graph"
)

// restrict returns a graph with only these outputs, in this order, and the nodes that they need: ONNX Runtime would run the others too.
// The inputs stay. It shares everything with g, which stays as it is. nil means g itself.
func restrict(g *graph.Graph, outputs []string) (*graph.Graph, error) {
	if outputs == nil {
		return g, nil
	}
	part := *g
	part.Outputs = nil
	for i, name := range outputs {
		at := slices.IndexFunc(g.Outputs, func(v graph.Value) bool { return v.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("it has no output %q; its outputs are %q", name, names(g.Outputs))
		}
		if slices.Contains(outputs[:i], name) {
			return nil, fmt.Errorf("output %q is asked for twice", name)
		}
		part.Outputs = append(part.Outputs, g.Outputs[at])
	}
	part.Prune()
	return &part, nil
}
