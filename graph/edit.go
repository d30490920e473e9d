package graph

import (
	"fmt"
	"slices"
)

// Clone returns a copy that shares nothing with g but the bytes of tensors.
func (g *Graph) Clone() *Graph {
	out := *g
	out.Metadata, out.Opsets = cloneMap(g.Metadata), cloneMap(g.Opsets)
	out.Inputs, out.Outputs, out.Known = cloneValues(g.Inputs), cloneValues(g.Outputs), cloneValues(g.Known)
	out.Initializers = slices.Clone(g.Initializers)
	out.Nodes = make([]*Node, len(g.Nodes))
	for i, n := range g.Nodes {
		out.Nodes[i] = n.Clone()
	}
	return &out
}

// Clone returns a copy of the node, its subgraphs among it.
func (n *Node) Clone() *Node {
	out := *n
	out.Inputs, out.Outputs, out.Attributes = slices.Clone(n.Inputs), slices.Clone(n.Outputs), slices.Clone(n.Attributes)
	for i, a := range out.Attributes {
		if sub, ok := a.Value.(*Graph); ok {
			out.Attributes[i].Value = sub.Clone()
		}
	}
	return &out
}

func cloneMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return nil
	}
	out := make(map[string]V, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func cloneValues(list []Value) []Value {
	out := slices.Clone(list)
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
	}
	return out
}

// fail gives an error the graph's file.
func (g *Graph) fail(err error) error {
	if g.path != "" {
		return fmt.Errorf("graph: %s: %w", g.path, err)
	}
	return fmt.Errorf("graph: %w", err)
}

// allNames returns every value and node name of the graph and its subgraphs.
func (g *Graph) allNames() map[string]bool {
	names := g.names()
	for _, n := range g.Nodes {
		names[n.Name] = true
		for _, sub := range n.subgraphs() {
			for name := range sub.allNames() {
				names[name] = true
			}
		}
	}
	return names
}

// count returns how often a value of that name is defined in the graph and its subgraphs.
func (g *Graph) count(name string) int {
	times := 0
	if g.names()[name] {
		times++
	}
	for _, n := range g.Nodes {
		for _, sub := range n.subgraphs() {
			times += sub.count(name)
		}
	}
	return times
}

// Fresh returns a name that nothing in the graph has: the wish itself, or with a number behind.
func (g *Graph) Fresh(wish string) string { return fresh(g.allNames(), wish) }

// Node returns the node of that name, nil where there is none.
func (g *Graph) Node(name string) *Node {
	for _, n := range g.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Producing returns the node that makes a value, nil for inputs, initializers and names that are not defined.
func (g *Graph) Producing(value string) *Node {
	if value == "" {
		return nil
	}
	for _, n := range g.Nodes {
		if slices.Contains(n.Outputs, value) {
			return n
		}
	}
	return nil
}

// Constant returns the initializer of that name, nil where there is none.
func (g *Graph) Constant(name string) *Initializer {
	for i := range g.Initializers {
		if g.Initializers[i].Name == name {
			return &g.Initializers[i]
		}
	}
	return nil
}

// Rename gives a value another name, everywhere. It reports an error where the old name is not defined or the new one is taken.
func (g *Graph) Rename(from, to string) error {
	if !g.names()[from] {
		return g.fail(fmt.Errorf("rename: no value %q", from))
	}
	if to == "" || from != to && g.allNames()[to] && g.count(to) > 0 {
		return g.fail(fmt.Errorf("rename: the name %q is taken", to))
	}
	g.rename(from, to)
	return nil
}

// rename changes definitions and uses, down to subgraphs that do not define the name themselves.
func (g *Graph) rename(from, to string) {
	for _, list := range [][]Value{g.Inputs, g.Outputs, g.Known} {
		for i := range list {
			if list[i].Name == from {
				list[i].Name = to
			}
		}
	}
	for i := range g.Initializers {
		if g.Initializers[i].Name == from {
			g.Initializers[i].Name = to
		}
	}
	for _, n := range g.Nodes {
		replaceName(n.Outputs, from, to)
		n.redirect(from, to)
	}
}

func replaceName(list []string, from, to string) {
	for i := range list {
		if list[i] == from {
			list[i] = to
		}
	}
}

// redirect makes the node, and its subgraphs, read another value.
func (n *Node) redirect(from, to string) {
	replaceName(n.Inputs, from, to)
	for _, sub := range n.subgraphs() {
		if sub.names()[from] {
			continue
		}
		for _, inner := range sub.Nodes {
			inner.redirect(from, to)
		}
		for i := range sub.Outputs {
			if sub.Outputs[i].Name == from {
				sub.Outputs[i].Name = to
			}
		}
	}
}

// used says whether a node or an output reads the value.
func (g *Graph) used(name string) bool {
	if slices.ContainsFunc(g.Outputs, func(v Value) bool { return v.Name == name }) {
		return true
	}
	found := false
	for _, n := range g.Nodes {
		n.Reads(func(read string) { found = found || read == name })
	}
	return found
}

// index returns where the node stands, by identity.
func (g *Graph) index(n *Node) (int, error) {
	if i := slices.Index(g.Nodes, n); i >= 0 {
		return i, nil
	}
	return 0, g.fail(fmt.Errorf("%s is not a node of this graph", n))
}

// Remove takes a node away. What read its first output reads its first input instead, so that an activation or a dropout can be taken
// out; where the output is the graph's, the value before it takes its name. A node whose outputs nobody reads just goes. It reports
// an error where a further output is still read, or the first is and the node has no input.
func (g *Graph) Remove(n *Node) error {
	at, err := g.index(n)
	if err != nil {
		return err
	}
	for i, out := range n.Outputs {
		if out == "" || !g.used(out) {
			continue
		}
		if i > 0 || n.Input(0) == "" {
			return g.fail(fmt.Errorf("remove %s: its output %q is still read", n, out))
		}
		if err := g.bypass(n, out); err != nil {
			return err
		}
	}
	g.Nodes = slices.Delete(g.Nodes, at, at+1)
	return nil
}

func (g *Graph) bypass(n *Node, out string) error {
	from := n.Inputs[0]
	isOutput := slices.ContainsFunc(g.Outputs, func(v Value) bool { return v.Name == out })
	if !isOutput {
		for _, reader := range g.Nodes {
			reader.redirect(out, from)
		}
		return nil
	}
	if g.Producing(from) == nil || slices.ContainsFunc(g.Outputs, func(v Value) bool { return v.Name == from }) {
		return g.fail(fmt.Errorf("remove %s: %q is an output of the graph and nothing else makes it", n, out))
	}
	g.Known = slices.DeleteFunc(g.Known, func(v Value) bool { return v.Name == out || v.Name == from })
	n.Outputs[0] = ""
	for _, other := range g.Nodes {
		replaceName(other.Outputs, from, out)
		other.redirect(from, out)
	}
	return nil
}

// Replace puts other nodes in the place of one; they make the values of its outputs that are still read, and read what stands before.
// It reports an error, and changes nothing, where the graph would not be legal.
func (g *Graph) Replace(n *Node, with ...*Node) error {
	at, err := g.index(n)
	if err != nil {
		return err
	}
	before := g.Nodes
	g.Nodes = slices.Concat(before[:at], with, before[at+1:])
	if err := g.Check(); err != nil {
		g.Nodes = before
		return fmt.Errorf("replace %s: %w", n, err)
	}
	return nil
}

// InsertAfter puts nodes behind a value: they read it by its name, and everything that read it now reads the first output of the last
// of them. Where the value is an output of the graph, the result takes its name, and the value a new one, which is returned (value itself
// otherwise). It reports an error where the value is not defined or a node reads or makes what it may not; the graph is then unchanged.
func (g *Graph) InsertAfter(value string, nodes ...*Node) (string, error) {
	if !g.names()[value] {
		return "", g.fail(fmt.Errorf("insert: no value %q", value))
	}
	if len(nodes) == 0 || nodes[len(nodes)-1].Output(0) == "" {
		return "", g.fail(fmt.Errorf("insert after %q: the last node makes nothing", value))
	}
	edited, inserted := g.Clone(), make([]*Node, len(nodes))
	for i, n := range nodes {
		inserted[i] = n.Clone()
	}
	result, name := nodes[len(nodes)-1].Outputs[0], value
	for _, n := range edited.Nodes {
		n.redirect(value, result)
	}
	if slices.ContainsFunc(g.Outputs, func(v Value) bool { return v.Name == value }) {
		name = fresh(edited.allNames(), value+"/before")
		for _, n := range edited.Nodes {
			replaceName(n.Outputs, value, name)
			n.redirect(result, value)
		}
		for _, n := range inserted {
			n.redirect(value, name)
			replaceName(n.Outputs, result, value)
			n.redirect(result, value)
		}
		edited.Known = slices.DeleteFunc(edited.Known, func(v Value) bool { return v.Name == value })
	}
	at := 0
	if maker := edited.Producing(name); maker != nil {
		at = slices.Index(edited.Nodes, maker) + 1
	}
	edited.Nodes = slices.Insert(edited.Nodes, at, inserted...)
	sorted, err := sortNodes(edited.Nodes) // the nodes may read further values, made later
	if err != nil {
		return "", g.fail(fmt.Errorf("insert after %q: %w", value, err))
	}
	edited.Nodes = sorted
	if err := edited.Check(); err != nil {
		return "", fmt.Errorf("insert after %q: %w", value, err)
	}
	*g = *edited
	return name, nil
}
