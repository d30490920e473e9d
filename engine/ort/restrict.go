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
	needed := map[string]bool{}
	for _, name := range outputs {
		i := slices.IndexFunc(g.Outputs, func(v graph.Value) bool { return v.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("it has no output %q; its outputs are %q", name, names(g.Outputs))
		}
		if needed[name] {
			return nil, fmt.Errorf("output %q is asked for twice", name)
		}
		needed[name] = true
		part.Outputs = append(part.Outputs, g.Outputs[i])
	}
	part.Nodes = nil
	for _, n := range slices.Backward(g.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(name string) bool { return needed[name] }) {
			need(n, needed)
			part.Nodes = append(part.Nodes, n)
		}
	}
	slices.Reverse(part.Nodes)
	part.Initializers = slices.DeleteFunc(slices.Clone(g.Initializers), func(c graph.Initializer) bool { return !needed[c.Name] })
	return &part, nil
}

// need marks what a node reads, also from inside its subgraphs. A name that is the subgraph's own is marked too, which costs at most a
// node too many.
func need(n *graph.Node, needed map[string]bool) {
	for _, name := range n.Inputs {
		if name != "" {
			needed[name] = true
		}
	}
	for _, a := range n.Attributes {
		if body, ok := a.Value.(*graph.Graph); ok {
			for _, inner := range body.Nodes {
				need(inner, needed)
			}
			for _, v := range body.Outputs {
				needed[v.Name] = true
			}
		}
	}
}
