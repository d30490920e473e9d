package graph

import (
	"fmt"
	"slices"

	"visus/tensor"
)

// Release turns named initializers into inputs of the graph, behind those it has, and returns their tensors: constants that become
// state. It reports an error, and changes nothing, for a name that is no initializer or given twice, and for one that holds no numbers.
func (g *Graph) Release(names ...string) (map[string]*tensor.Tensor, error) {
	at := make(map[string]int, len(g.Initializers))
	for i, c := range g.Initializers {
		at[c.Name] = i
	}
	out := make(map[string]*tensor.Tensor, len(names))
	inputs := make([]Value, 0, len(names))
	for _, name := range names {
		i, ok := at[name]
		switch {
		case !ok:
			return nil, g.fail(fmt.Errorf("release: %q is no initializer of the graph", name))
		case out[name] != nil:
			return nil, g.fail(fmt.Errorf("release: %q is given twice", name))
		case g.Initializers[i].Tensor == nil:
			return nil, g.fail(fmt.Errorf("release: initializer %q holds no numbers", name))
		}
		t := g.Initializers[i].Tensor
		out[name] = t
		inputs = append(inputs, Value{Name: name, Type: t.Type(), Shape: Dims(t.Shape()...)})
	}
	g.Inputs = append(g.Inputs, inputs...)
	g.Initializers = slices.DeleteFunc(g.Initializers, func(c Initializer) bool { return out[c.Name] != nil })
	return out, nil
}
