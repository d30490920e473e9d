package graph

import (
	"maps"
	"slices"
	"strconv"

	"visus/tensor"
)

// FoldConstants computes what does not depend on inputs: Constant nodes become initializers, and the shape arithmetic that exporters
// write (Shape, Gather, Concat and so on, as far as dimensions are fixed) becomes constants, each of at most 65536 elements. Values
// keep their names. Subgraphs are folded too. An If with a constant condition is replaced by the branch it takes.
// It reports an error where InferShapes does; the graph is then unchanged.
func (g *Graph) FoldConstants() error {
	for {
		facts, err := g.infer()
		if err != nil {
			return g.fail(err)
		}
		if !g.foldIf(facts) {
			g.fold(facts)
			g.Prune()
			return nil
		}
	}
}

// FoldIf replaces every If with a constant condition by the branch it takes, and nothing else. It reports an error where InferShapes does;
// the graph is then unchanged.
func (g *Graph) FoldIf() error {
	for {
		facts, err := g.infer()
		if err != nil {
			return g.fail(err)
		}
		if !g.foldIf(facts) {
			return nil
		}
	}
}

func (g *Graph) fold(facts map[string]fact) {
	outputs := map[string]bool{}
	for _, v := range g.Outputs {
		outputs[v.Name] = true
	}
	var kept []*Node
	for _, n := range g.Nodes {
		for _, sub := range n.subgraphs() {
			sub.fold(facts)
		}
		t := folded(n, facts)
		if t == nil || outputs[n.Outputs[0]] { // what the graph gives is made by a node, as engines expect
			kept = append(kept, n)
			continue
		}
		g.Initializers = append(g.Initializers, Initializer{Name: n.Outputs[0], Tensor: t})
	}
	g.Nodes = kept
}

// folded returns the constant that a node of one output makes, nil where it is not known.
func folded(n *Node, facts map[string]fact) *tensor.Tensor {
	if len(n.Outputs) != 1 || n.Outputs[0] == "" || n.Domain != "" {
		return nil
	}
	if t, ok := n.Attribute("value").(*tensor.Tensor); ok && n.Op == "Constant" {
		return t
	}
	if v := facts[n.Outputs[0]].value; v != nil {
		return v.tensor()
	}
	return nil
}

// foldIf replaces the first If whose condition is known by the nodes of its branch; it says whether there was one.
func (g *Graph) foldIf(facts map[string]fact) bool {
	for i, n := range g.Nodes {
		if n.Op != "If" || n.Domain != "" {
			continue
		}
		condition, ok := facts[n.Input(0)].value.list()
		if !ok || len(condition) != 1 {
			continue
		}
		name := "else_branch"
		if condition[0] != 0 {
			name = "then_branch"
		}
		branch, _ := n.Attribute(name).(*Graph)
		if branch == nil || len(branch.Outputs) != len(n.Outputs) {
			continue
		}
		g.Nodes = slices.Replace(g.Nodes, i, i+1, g.unfoldBranch(n, branch.Clone())...)
		return true
	}
	return false
}

// unfoldBranch gives the names of a branch, where they are taken, new ones, and its outputs those of the node.
func (g *Graph) unfoldBranch(n *Node, branch *Graph) []*Node {
	taken := g.allNames()
	for _, name := range slices.Sorted(maps.Keys(branch.names())) {
		inside := 0
		for _, sub := range n.subgraphs() {
			inside += sub.count(name)
		}
		if g.count(name) > inside { // also defined outside of the If
			branch.rename(name, fresh(taken, name))
		}
	}
	g.Initializers = append(g.Initializers, branch.Initializers...)
	nodes := branch.Nodes
	for i, out := range branch.Outputs {
		if n.Outputs[i] == "" {
			continue
		}
		nodes = append(nodes, &Node{
			Name: fresh(taken, n.Name+"/output_"+strconv.Itoa(i)), Op: "Identity", Inputs: []string{out.Name}, Outputs: []string{n.Outputs[i]},
		})
	}
	return nodes
}
