package lower

import (
	"fmt"
	"math"
	"slices"

	"visus/graph"
)

// call is one node of ours with what is known of its inputs.
type call struct {
	*graph.Node
	x []graph.Value
}

// lowering writes a node's outputs with ordinary operators: each is an input of the node, or made by a node that it adds.
type lowering func(b *graph.Builder, c call) []graph.Value

// lowerings has every operator of the domain, with the number of inputs that it needs.
var lowerings = map[string]struct {
	inputs int
	write  lowering
}{
	"ConvGradInput": {2, convGradInput}, "ConvGradWeight": {2, convGradWeight},
	"MaxPoolGrad": {2, maxPoolGrad}, "AveragePoolGrad": {1, averagePoolGrad},
	"ResizeGrad": {1, resizeGrad}, "GridSampleGrad": {3, gridSampleGrad}, "BatchNormGrad": {3, batchNormGrad},
	"StopGradient": {1, first}, "StraightThrough": {2, second}, "ClipGradientNorm": {1, first}, "RedirectedRelu": {1, clippedRelu},
	"CustomGradient": {1, first}, "Recompute": {1, first}, "After": {2, first},
}

func first(_ *graph.Builder, c call) []graph.Value  { return c.x[:1] }
func second(_ *graph.Builder, c call) []graph.Value { return c.x[1:2] }

// clippedRelu is min(max(x, 0), max).
func clippedRelu(b *graph.Builder, c call) []graph.Value {
	top := float64(c.Float("max", float32(math.Inf(1))))
	if math.IsInf(top, 1) {
		return []graph.Value{b.Relu(c.x[0])}
	}
	return []graph.Value{b.Op("Clip", []graph.Value{c.x[0], b.Scalar(c.x[0].Type, 0), b.Scalar(c.x[0].Type, top)})}
}

// Lower replaces every node of the domain "visus" by ordinary ONNX operators, in place; the names of values stay. The shapes that these nodes read
// must be fixed, but for operators that are identities. It reports an error, naming the node, for an operator that is not of the domain, a shape
// that is not fixed, and a node inside the branch of an If or the body of a loop; g is then unchanged.
func Lower(g *graph.Graph) error {
	next := g.Clone()
	original := slices.Clone(next.Nodes)
	b, err := graph.Extend(next)
	if err != nil {
		return fmt.Errorf("lower: %w", err)
	}
	nodes := make([]*graph.Node, 0, len(original))
	for _, n := range original {
		if err := ordinary(n); err != nil {
			return fmt.Errorf("lower: %s: %w", n, err)
		}
		if n.Domain != graph.OwnDomain {
			nodes = append(nodes, n)
			continue
		}
		before := len(next.Nodes)
		made, err := replace(b, n)
		if err != nil {
			return fmt.Errorf("lower: %s: %w", n, err)
		}
		nodes = append(nodes, named(next.Nodes[before:], made, n.Outputs)...)
	}
	next.Nodes = nodes
	delete(next.Opsets, graph.OwnDomain)
	if err := next.Check(); err != nil {
		return fmt.Errorf("lower: %w", err)
	}
	*g = *next
	return nil
}

// ordinary reports an operator of ours where it cannot be lowered: in a subgraph.
func ordinary(n *graph.Node) error {
	for _, a := range n.Attributes {
		sub, ok := a.Value.(*graph.Graph)
		if !ok {
			continue
		}
		for _, inner := range sub.Nodes {
			if inner.Domain == graph.OwnDomain {
				return fmt.Errorf("%s in its %s cannot be lowered, only nodes of the main graph can", inner, a.Name)
			}
			if err := ordinary(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write writes what a node of the domain computes from inputs with ordinary operators, and returns the values that stand for its outputs: a
// gradient that is differentiated again, for one. The builder keeps the error that Lower would report.
func Write(b *graph.Builder, n *graph.Node, inputs []graph.Value) []graph.Value {
	fail := func(format string, parts ...any) []graph.Value {
		b.Fail(n.Op, fmt.Errorf(format, parts...))
		return make([]graph.Value, len(n.Outputs))
	}
	lowered, ok := lowerings[n.Op]
	if !ok {
		return fail("the domain %q has no such operator", graph.OwnDomain)
	}
	if len(inputs) < lowered.inputs {
		return fail("it has %d inputs, expected %d", len(inputs), lowered.inputs)
	}
	for _, v := range inputs[:lowered.inputs] {
		if _, fixed := v.Sizes(); !fixed && !forward(n) {
			return fail("the shape %s of %q is not fixed", graph.ShapeText(v.Shape), v.Name)
		}
	}
	made := lowered.write(b, call{n, inputs})
	if b.Err() == nil && len(made) < len(n.Outputs) {
		return fail("it has %d outputs, expected at most %d", len(n.Outputs), len(made))
	}
	return made
}

// replace writes what stands for n.
func replace(b *graph.Builder, n *graph.Node) ([]graph.Value, error) {
	var inputs []graph.Value
	for _, name := range n.Inputs {
		if name == "" {
			break // what we read is never left out
		}
		inputs = append(inputs, b.Value(name))
	}
	made := Write(b.Scope(n.Name), n, inputs)
	for i, v := range made {
		if b.Err() == nil && slices.Contains(n.Inputs, v.Name) {
			made[i] = b.Op("Identity", []graph.Value{v})
		}
	}
	return made, b.Err()
}

// forward says whether a node is one of those that only shape gradients.
func forward(n *graph.Node) bool {
	return n.Op == "StopGradient" || n.Op == "StraightThrough" || n.Op == "ClipGradientNorm" || n.Op == "RedirectedRelu" ||
		n.Op == "CustomGradient" || n.Op == "Recompute" || n.Op == "After"
}

// named gives values that the nodes make other names.
func named(nodes []*graph.Node, values []graph.Value, names []string) []*graph.Node {
	to := map[string]string{}
	for i, name := range names {
		if name != "" {
			to[values[i].Name] = name
		}
	}
	for _, n := range nodes {
		for _, list := range [][]string{n.Inputs, n.Outputs} {
			for i := range list {
				if name, ok := to[list[i]]; ok {
					list[i] = name
				}
			}
		}
	}
	return nodes
}
