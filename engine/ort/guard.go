//go:build unix && cgo

package ort

import (
	"fmt"
	"slices"
	"strings"

	"visus/graph"
)

// guard puts otherwise what ends the whole process when ONNX Runtime (1.30) compiles it: a Split that leaves out an output between others,
// and an Einsum with an ellipsis that stands for no axes of the first operand but for some of a later one. g shares its nodes with the caller's.
func guard(g *graph.Graph) error {
	var facts map[string]graph.Value
	g.Nodes = slices.Clone(g.Nodes)
	for i, n := range g.Nodes {
		switch {
		case n.Domain != "":
		case n.Op == "Split" && slices.Contains(n.Outputs, ""):
			g.Nodes[i] = named(g, n)
		case n.Op == "Einsum" && strings.Contains(n.Text("equation", ""), "..."):
			if facts == nil {
				var err error
				if facts, err = g.InferShapes(); err != nil {
					return err
				}
			}
			g.Nodes[i] = withoutEmpty(n, facts)
		}
	}
	return nil
}

// named gives names to outputs that are left out.
func named(g *graph.Graph, n *graph.Node) *graph.Node {
	out := *n
	out.Outputs = slices.Clone(n.Outputs)
	for k, name := range out.Outputs {
		if name == "" {
			out.Outputs[k] = g.Fresh(fmt.Sprint(n.Name, "/output ", k))
		}
	}
	return &out
}

// withoutEmpty takes the ellipsis away from operands of which it stands for no axes. Where ranks are unknown, or do not fit the equation, everything
// stays.
func withoutEmpty(n *graph.Node, facts map[string]graph.Value) *graph.Node {
	ranks := make([]int, len(n.Inputs))
	for i, name := range n.Inputs {
		if facts[name].Shape == nil {
			return n
		}
		ranks[i] = len(facts[name].Shape)
	}
	equation := n.Text("equation", "")
	terms, _, err := graph.EinsumTerms(equation, ranks)
	if err != nil {
		return n
	}
	left, right, arrow := strings.Cut(equation, "->")
	operands, some := strings.Split(left, ","), false
	for i, term := range terms {
		if strings.ContainsAny(term, "0123456789") { // axes of the ellipsis
			some = true
		} else {
			operands[i] = strings.ReplaceAll(operands[i], "...", "")
		}
	}
	if !some {
		right = strings.ReplaceAll(right, "...", "")
	}
	equation = strings.Join(operands, ",")
	if arrow {
		equation += "->" + right
	}
	out := *n
	out.Attributes = slices.Clone(n.Attributes)
	for i, a := range out.Attributes {
		if a.Name == "equation" {
			out.Attributes[i] = graph.Attribute{Name: a.Name, Value: equation}
		}
	}
	return &out
}
