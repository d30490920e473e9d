package graph

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"visus/tensor"
)

// Prune takes away the nodes, constants and statements of values that no output needs. Inputs stay.
func (g *Graph) Prune() {
	needed := map[string]bool{}
	for _, v := range g.Outputs {
		needed[v.Name] = true
	}
	var kept []*Node
	for _, n := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(n.Outputs, func(name string) bool { return needed[name] }) {
			continue
		}
		kept = append(kept, n)
		n.Reads(func(name string) { needed[name] = true })
	}
	slices.Reverse(kept)
	g.Nodes = kept
	for _, v := range g.Inputs {
		needed[v.Name] = true
	}
	g.Initializers = slices.DeleteFunc(slices.Clone(g.Initializers), func(c Initializer) bool { return !needed[c.Name] })
	defined := g.names()
	g.Known = slices.DeleteFunc(slices.Clone(g.Known), func(v Value) bool { return !defined[v.Name] })
}

// Extract returns a new graph that computes outputs from inputs: any named values, inner ones too. Inputs of g that the outputs need
// besides are an error, which names them. Nothing that the outputs do not need is in it.
func (g *Graph) Extract(inputs, outputs []string) (*Graph, error) {
	values, err := g.InferShapes()
	if err != nil {
		return nil, err
	}
	out := g.Clone()
	defined := g.names()
	describe := func(names []string, what string) ([]Value, error) {
		list := make([]Value, len(names))
		for i, name := range names {
			if !defined[name] {
				return nil, g.fail(fmt.Errorf("extract: no value %q to be an %s", name, what))
			}
			list[i] = g.stated(name)
			if v := values[name]; v.Type != tensor.Invalid {
				list[i].Type, list[i].Shape = v.Type, v.Shape
			}
		}
		return list, nil
	}
	if out.Inputs, err = describe(inputs, "input"); err != nil {
		return nil, err
	}
	if out.Outputs, err = describe(outputs, "output"); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	for _, name := range inputs {
		given[name] = true
	}
	for _, n := range out.Nodes {
		for i, name := range n.Outputs {
			if given[name] {
				n.Outputs[i] = ""
			}
		}
	}
	out.Initializers = slices.DeleteFunc(out.Initializers, func(c Initializer) bool { return given[c.Name] })
	out.Prune()
	var missing []string
	for _, name := range out.captures() {
		missing = append(missing, fmt.Sprintf("%q", name))
	}
	if missing != nil {
		return nil, g.fail(fmt.Errorf("extract: the outputs also need %s", strings.Join(missing, ", ")))
	}
	return out, out.Check()
}

// stated returns what the file says of a value.
func (g *Graph) stated(name string) Value {
	for _, list := range [][]Value{g.Inputs, g.Outputs, g.Known} {
		for _, v := range list {
			if v.Name == name {
				return v
			}
		}
	}
	return Value{Name: name}
}

// Splice adds the nodes and constants of another graph, their names behind prefix. bind tells, for an input of other, which value of g
// it reads; inputs that it does not name become inputs of g. It returns the new name of every output of other, which are no outputs of g
// by themselves. It reports an error, and changes nothing, where a bound value is not defined, a name is taken, or the two are written
// for different opsets.
func (g *Graph) Splice(other *Graph, prefix string, bind map[string]string) (map[string]string, error) {
	edited, part := g.Clone(), other.Clone()
	for domain, version := range other.Opsets {
		mine, ok := g.Opsets[domain]
		if ok && mine != version {
			return nil, g.fail(fmt.Errorf("splice: domain %q has opset %d here and %d there", domain, mine, version))
		}
		edited.Opsets[domain] = version
	}
	defined := g.names()
	names := map[string]string{}
	for name := range part.names() {
		names[name] = prefix + name
	}
	for _, name := range slices.Sorted(maps.Keys(bind)) {
		if !slices.ContainsFunc(other.Inputs, func(v Value) bool { return v.Name == name }) {
			return nil, g.fail(fmt.Errorf("splice: the other graph has no input %q", name))
		}
		if !defined[bind[name]] {
			return nil, g.fail(fmt.Errorf("splice: no value %q for input %q", bind[name], name))
		}
		names[name] = bind[name]
	}
	part.renameAll(names, prefix)
	edited.Nodes = append(edited.Nodes, part.Nodes...)
	edited.Initializers, edited.Known = append(edited.Initializers, part.Initializers...), append(edited.Known, part.Known...)
	for i, v := range part.Inputs {
		if _, bound := bind[other.Inputs[i].Name]; !bound {
			edited.Inputs = append(edited.Inputs, v)
		}
	}
	if err := edited.Check(); err != nil {
		return nil, fmt.Errorf("splice: %w", err)
	}
	outputs := map[string]string{}
	for i, v := range other.Outputs {
		outputs[v.Name] = part.Outputs[i].Name
	}
	*g = *edited
	return outputs, nil
}

// renameAll renames by a table at once, and puts the prefix before names of nodes.
func (g *Graph) renameAll(names map[string]string, prefix string) {
	to := func(name string) string {
		if renamed, ok := names[name]; ok {
			return renamed
		}
		return name
	}
	for _, list := range [][]Value{g.Inputs, g.Outputs, g.Known} {
		for i := range list {
			list[i].Name = to(list[i].Name)
		}
	}
	for i := range g.Initializers {
		g.Initializers[i].Name = to(g.Initializers[i].Name)
	}
	for _, n := range g.Nodes {
		if n.Name != "" {
			n.Name = prefix + n.Name
		}
		for i := range n.Inputs {
			n.Inputs[i] = to(n.Inputs[i])
		}
		for i := range n.Outputs {
			n.Outputs[i] = to(n.Outputs[i])
		}
		for _, sub := range n.subgraphs() {
			inner := maps.Clone(names)
			for name := range sub.names() {
				inner[name] = prefix + name
			}
			sub.renameAll(inner, prefix)
		}
	}
}
